"""Joining the score of the first stage with that of the reranker."""

from collections.abc import Mapping
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from retrieval.query import RerankFusion

Score = TypeVar("Score", float, NDArray[np.float64])


class Rule(Protocol):
    """Joins one score of each, or many at once."""

    def __call__(self, score: Score, reranked: Score) -> Score:
        """Return the joined score."""
        ...


def product(score: Score, reranked: Score) -> Score:
    """Return the score, of which the reranker takes up to a half away."""
    return score * (0.5 + 0.5 * reranked)


def weighted_sum(score: Score, reranked: Score) -> Score:
    """Return the mean of both."""
    return 0.5 * score + 0.5 * reranked


# The predecessor's formulas. Both grow with either score, and without a reranker's score,
# which counts as 0, both leave half of the first one: what is not scored keeps its order
# behind what is.
RULES: Mapping[RerankFusion, Rule] = {
    "mul": product,
    "wsum": weighted_sum,
}
