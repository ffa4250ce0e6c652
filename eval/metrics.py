"""Rank metrics of one query.

`ranked` is the list of document ids, best first; `judged` maps document ids to
grades, where a grade above 0 means relevant. A document without a judgement
counts as not relevant. Averages over queries are left to the caller.
"""

import math
from collections.abc import Mapping, Sequence

Judged = Mapping[str, int]


def _gain(grade: int) -> float:
    return float(max(grade, 0))


def _discounted(gains: Sequence[float]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def relevant(judged: Judged) -> set[str]:
    """Return the ids that were judged relevant."""
    return {doc_id for doc_id, grade in judged.items() if grade > 0}


def ndcg_at_k(ranked: Sequence[str], judged: Judged, k: int = 10) -> float:
    """Return nDCG@k = DCG@k / ideal DCG@k, DCG = Σ grade / log2(rank + 1).

    The ideal ranks every judged document, found or not. 0 where nothing is
    relevant. Järvelin & Kekäläinen, TOIS 2002, with linear gains as trec_eval's
    `ndcg_cut` has them.
    """
    ideal = _discounted(sorted(map(_gain, judged.values()), reverse=True)[:k])
    if ideal == 0:
        return 0.0
    return _discounted([_gain(judged.get(doc_id, 0)) for doc_id in ranked[:k]]) / ideal


def mrr(ranked: Sequence[str], judged: Judged, k: int | None = None) -> float:
    """Return 1 / rank of the first relevant document within `k`, or 0.

    Averaged over queries this is the mean reciprocal rank. Voorhees, TREC-8, 1999.
    """
    wanted = relevant(judged)
    ranks = (rank for rank, doc_id in enumerate(ranked[:k], start=1) if doc_id in wanted)
    return 1 / next(ranks, math.inf)


def recall_at_k(ranked: Sequence[str], judged: Judged, k: int = 10) -> float:
    """Return |relevant within k| / |relevant|; 0 where nothing is relevant.

    trec_eval's `recall`; Manning, Raghavan & Schütze 2008, section 8.3.
    """
    wanted = relevant(judged)
    return len(wanted.intersection(ranked[:k])) / len(wanted) if wanted else 0.0


def hit_at_k(ranked: Sequence[str], judged: Judged, k: int = 10) -> float:
    """Return 1 where a relevant document stands within `k`, else 0.

    trec_eval's `success`.
    """
    return float(not relevant(judged).isdisjoint(ranked[:k]))
