"""Joining the dense and the lexical side into one ranking.

All rules score the union of both sides, so that a passage found by either can
win; a side that did not find a passage counts as its floor. Where it cannot tell of it, the
passage is supposed to be as near as others are at the mean, or as the other side says if that
is more: by ranks the mean alone would bury what was asked for word by word.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from statistics import fmean, pstdev

from retrieval.query import Fusion

Scores = Mapping[int, float]

# Cormack, Clarke, Büttcher: Reciprocal Rank Fusion, SIGIR 2009.
RRF_CONSTANT = 60


@dataclass(frozen=True, slots=True)
class Fused:
    """Scores after fusion and what each side put in; all keyed by passage."""

    scores: dict[int, float]
    dense: dict[int, float]
    lexical: dict[int, float]


def fuse(
    rule: Fusion, dense: Scores, lexical: Scores, alpha: float, untold: Collection[int] = ()
) -> Fused:
    """Join raw scores of both sides by `rule`.

    `dense` are cosines, `lexical` BM25 scores; `alpha` in [0, 1] is the share of
    the dense side. Of the passages `untold` the dense side could not say how near they are.
    """
    normalize_dense, normalize_lexical = _RULES[rule]
    near, words = normalize_dense(dense), normalize_lexical(lexical)
    supposed = near | _supposed(rule, near, lexical, untold)
    scores = {
        passage: alpha * supposed.get(passage, 0.0) + (1 - alpha) * words.get(passage, 0.0)
        for passage in dense.keys() | lexical.keys()
    }
    return Fused(scores, near, words)


def _supposed(
    rule: Fusion, near: Scores, lexical: Scores, untold: Collection[int]
) -> dict[int, float]:
    if not near or not untold:
        return {}
    mean, normalize = fmean(near.values()), _RULES[rule][1]
    # Of many with the same words none is the one that was meant.
    words = last_reciprocal_rank(lexical) if rule == "rrf" else normalize(lexical)
    return {passage: max(mean, words.get(passage, 0.0)) for passage in untold}


def ranks(scores: Scores) -> dict[int, int]:
    """Return the rank of each passage, from 1; equal scores share a rank."""
    result: dict[int, int] = {}
    previous, rank = math.nan, 0
    for position, (passage, score) in enumerate(
        sorted(scores.items(), key=lambda item: -item[1]), start=1
    ):
        if score != previous:
            previous, rank = score, position
        result[passage] = rank
    return result


def theoretical_minimum_cosine(scores: Scores) -> dict[int, float]:
    """Scale cosines by their floor of -1: (s + 1) / (max + 1), in [0, 1].

    Bruch, Gai, Ingber: An Analysis of Fusion Functions for Hybrid Retrieval,
    TOIS 2023, theoretical min-max.
    """
    top = max(scores.values(), default=-1.0) + 1.0
    if top <= 0:
        return dict.fromkeys(scores, 0.0)
    return {passage: max(0.0, score + 1.0) / top for passage, score in scores.items()}


def theoretical_minimum_bm25(scores: Scores) -> dict[int, float]:
    """Scale BM25 scores by their floor of 0: s / max, in [0, 1]."""
    top = max(scores.values(), default=0.0)
    if top <= 0:
        return dict.fromkeys(scores, 0.0)
    return {passage: max(0.0, score) / top for passage, score in scores.items()}


def reciprocal_rank(scores: Scores) -> dict[int, float]:
    """Return (c + 1) / (c + rank), which is 1 for the first passage."""
    return {
        passage: (RRF_CONSTANT + 1) / (RRF_CONSTANT + rank)
        for passage, rank in ranks(scores).items()
    }


def last_reciprocal_rank(scores: Scores) -> dict[int, float]:
    """Return the same, but that equal scores share the last rank of theirs."""
    from_behind = ranks({passage: -score for passage, score in scores.items()})
    last = len(scores) + 1
    return {
        passage: (RRF_CONSTANT + 1) / (RRF_CONSTANT + last - rank)
        for passage, rank in from_behind.items()
    }


def distribution(scores: Scores) -> dict[int, float]:
    """Scale by mean and deviation: three deviations below the mean become 0, above 1.

    Distribution-based score fusion as in Haystack's and Qdrant's joiners.
    """
    if not scores:
        return {}
    mean, deviation = fmean(scores.values()), pstdev(scores.values())
    if deviation == 0:
        return dict.fromkeys(scores, 0.5)
    low = mean - 3 * deviation
    return {
        passage: min(1.0, max(0.0, (score - low) / (6 * deviation)))
        for passage, score in scores.items()
    }


Normalize = Callable[[Scores], dict[int, float]]

_RULES: dict[Fusion, tuple[Normalize, Normalize]] = {
    "convex": (theoretical_minimum_cosine, theoretical_minimum_bm25),
    "rrf": (reciprocal_rank, reciprocal_rank),
    "dbsf": (distribution, distribution),
}
