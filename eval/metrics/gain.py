"""Metrics that see grades."""

import math
from collections.abc import Sequence

from eval.metrics.base import Judged


def ndcg_at_k(ranked: Sequence[str], judged: Judged, k: int | None = 10) -> float:
    """Return nDCG@k = DCG@k / ideal DCG@k, DCG = Σ grade / log2(rank + 1).

    The ideal ranks every judged document, found or not. 0 where nothing is
    relevant. Järvelin & Kekäläinen, TOIS 2002, with linear gains as trec_eval's
    `ndcg_cut` has them.
    """
    ideal = _discounted(sorted(map(_gain, judged.values()), reverse=True)[:k])
    if ideal == 0:
        return 0.0
    return _discounted([_gain(judged.get(doc_id, 0)) for doc_id in ranked[:k]]) / ideal


def _gain(grade: int) -> float:
    return float(max(grade, 0))


def _discounted(gains: Sequence[float]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))
