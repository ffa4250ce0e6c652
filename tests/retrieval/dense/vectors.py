"""Vectors with the shape of real ones: topics of unequal size, unit length."""

import numpy as np

from retrieval.chunk import Vectors

_TOPICS = 40


def topical(count: int, seed: int, dimension: int = 32) -> Vectors:
    """Return `count` vectors of unit length around forty topics that never change."""
    topics = np.random.default_rng(1).standard_normal((_TOPICS, dimension))
    random = np.random.default_rng(seed)
    shares = 1 / np.arange(1, _TOPICS + 1)
    chosen = random.choice(_TOPICS, count, p=shares / shares.sum())
    vectors = topics[chosen] + 0.7 * random.standard_normal((count, dimension))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)
