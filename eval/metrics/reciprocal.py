"""How far down the first right answer stands."""

import math
from collections.abc import Sequence

from eval.metrics.base import Judged, relevant


def mrr(ranked: Sequence[str], judged: Judged, k: int | None = None) -> float:
    """Return 1 / rank of the first relevant document within `k`, or 0.

    Averaged over queries this is the mean reciprocal rank. Voorhees, TREC-8, 1999;
    trec_eval's `recip_rank` where `k` is None.
    """
    wanted = relevant(judged)
    ranks = (rank for rank, doc_id in enumerate(ranked[:k], start=1) if doc_id in wanted)
    return 1 / next(ranks, math.inf)
