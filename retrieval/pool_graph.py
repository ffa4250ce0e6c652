"""A cheap second look: passages lend each other their scores.

Each passage of the pool takes a share of the weighted mean score of its nearest
neighbours inside the pool, by cosine. Passages among other good ones rise, lone
ones fall. The cluster hypothesis behind it is van Rijsbergen's; the form is
score regularisation after Diaz, Information Retrieval 10(6), 2007.
"""

import numpy as np
from numpy.typing import NDArray

from retrieval.chunk import Vectors
from retrieval.dense.clusters import products_among

POOL = 100
NEIGHBORS = 8


def smooth(
    scores: NDArray[np.float64], vectors: Vectors, share: float, neighbors: int = NEIGHBORS
) -> NDArray[np.float64]:
    """Return (1 - share) * s + share * sum(w * s_near) / sum(w) for each score s.

    `scores` has shape (n,), `vectors` (n, dimension) with unit rows in the same
    order; the weights w are the cosines of the `neighbors` nearest others, at
    least 0. A passage without a neighbour keeps its score.
    """
    count = min(neighbors, len(scores) - 1)
    if share == 0 or count < 1:
        return scores
    near = np.maximum(products_among(vectors), 0.0).astype(np.float64)
    np.fill_diagonal(near, -1.0)
    best = np.argpartition(-near, count - 1, axis=1)[:, :count]
    weights = np.take_along_axis(near, best, axis=1)
    total = weights.sum(axis=1)
    lent = (weights * scores[best]).sum(axis=1)
    mean = np.divide(lent, total, out=scores.copy(), where=total > 0)
    smoothed: NDArray[np.float64] = (1 - share) * scores + share * mean
    return smoothed
