"""How much of what is right is in the answer."""

from collections.abc import Sequence

from eval.metrics.base import Judged, relevant


def recall_at_k(ranked: Sequence[str], judged: Judged, k: int | None = 10) -> float:
    """Return |relevant within k| / |relevant|; 0 where nothing is relevant.

    trec_eval's `recall`; Manning, Raghavan & Schütze, Introduction to Information
    Retrieval, 2008, section 8.3.
    """
    wanted = relevant(judged)
    return len(wanted.intersection(ranked[:k])) / len(wanted) if wanted else 0.0


def hit_at_k(ranked: Sequence[str], judged: Judged, k: int | None = 10) -> float:
    """Return 1 where a relevant document stands within `k`, else 0.

    trec_eval's `success`.
    """
    return float(not relevant(judged).isdisjoint(ranked[:k]))
