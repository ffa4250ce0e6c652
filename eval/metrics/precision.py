"""How much of the answer is right."""

import math
from collections.abc import Sequence

from eval.metrics.base import Judged, relevant


def precision_at_k(ranked: Sequence[str], judged: Judged, k: int | None = 10) -> float:
    """Return |relevant within k| / k; places that the answer leaves empty count as wrong.

    Without `k`, the length of the answer. trec_eval's `P`; Manning, Raghavan &
    Schütze, Introduction to Information Retrieval, 2008, section 8.4.
    """
    places = len(ranked) if k is None else k
    return len(relevant(judged).intersection(ranked[:k])) / places if places else 0.0


def average_precision(ranked: Sequence[str], judged: Judged, k: int | None = None) -> float:
    """Return Σ precision at the rank of each relevant document within `k` / |relevant|.

    A relevant document that is not found adds 0. Averaged over queries this is MAP.
    trec_eval's `map` and `map_cut`; Buckley & Voorhees, SIGIR 2000.
    """
    wanted = relevant(judged)
    ranks = [rank for rank, doc_id in enumerate(ranked[:k], start=1) if doc_id in wanted]
    total = math.fsum(found / rank for found, rank in enumerate(ranks, start=1))
    return total / len(wanted) if wanted else 0.0
