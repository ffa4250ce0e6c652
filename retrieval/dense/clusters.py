"""Finding the near ones among many vectors without looking at all: an inverted file.

Vectors lie in the order of their clusters. A search takes the clusters nearest to
the query until these hold enough rows, and computes the exact inner products of
those. How many are enough is measured when the file is built, on the vectors
themselves, so that the recall does not hang on a guess.
"""

from dataclasses import dataclass
from functools import lru_cache

import faiss
import numpy as np
from numpy.typing import NDArray

from retrieval.chunk import Vectors

Mask = NDArray[np.bool_]
RowNumbers = NDArray[np.int64]

_LISTS_PER_ROOT = 4
_TRAINING_ROWS = 40
_ITERATIONS = 8
_PROBES = 128
_NEIGHBORS = 10
# The recall that the searched rows give on the probes; the rest is for queries unlike them.
_RECALL = 0.99
# What a filter leaves may lie far from the query, where clusters say little.
_SELECTIVE = 8
FILTERED = 4


@dataclass(frozen=True, slots=True)
class Clusters:
    """Where each cluster begins, and how many rows a search looks at.

    The rows of the cluster around the i-th of `centroids` are those from `starts[i]`
    to before `starts[i + 1]`.
    """

    centroids: faiss.IndexFlatIP
    starts: RowNumbers
    budget: int

    @property
    def selective(self) -> int:
        """Up to how many rows under a filter it is better to look at every one."""
        return _SELECTIVE * self.budget

    def near(self, query: Vectors, mask: Mask | None, effort: int = 1) -> RowNumbers:
        """Return the rows of the nearest clusters, of `mask` only if it is given.

        There are at least `effort` times the budget, or all.
        """
        lists = np.arange(len(self.starts) - 1)
        order = np.argsort(-products(self.centroids, query, lists), kind="stable")
        sizes = np.diff(self.starts) if mask is None else self._counts(mask)
        enough = int(np.searchsorted(np.cumsum(sizes[order]), effort * self.budget)) + 1
        chosen = order[:enough]
        rows = _ranges(self.starts[chosen], self.starts[chosen + 1])
        return rows if mask is None else rows[mask[rows]]

    def _counts(self, mask: Mask) -> RowNumbers:
        totals = np.concatenate([[0], np.cumsum(mask, dtype=np.int64)])
        return np.diff(totals[self.starts])


def products(index: faiss.IndexFlatIP, query: Vectors, rows: RowNumbers) -> Vectors:
    """Return the exact inner products of `query`, shape (dimension,), with `rows` of `index`."""
    values = np.empty(len(rows), np.float32)
    if len(rows):
        vector = np.ascontiguousarray(query, np.float32)
        wanted = np.ascontiguousarray(rows, np.int64)
        # One call, one thread: NumPy's product would wait for the other cores of the machine.
        index.compute_distance_subset(  # type: ignore[attr-defined]
            1, faiss.swig_ptr(vector), len(rows), faiss.swig_ptr(values), faiss.swig_ptr(wanted)
        )
    return values


def products_among(vectors: Vectors) -> Vectors:
    """Return the inner products of all `vectors` with each other, shape (len, len).

    A product with itself is -inf.
    """
    count = len(vectors)
    values = np.empty((count, count), np.float32)
    each = _each_pair_once(count)
    queries = np.ascontiguousarray(vectors, np.float32)
    # For the same reason as above.
    flat_index(queries).compute_distance_subset(  # type: ignore[attr-defined]
        count, faiss.swig_ptr(queries), count, faiss.swig_ptr(values), faiss.swig_ptr(each)
    )
    return np.maximum(values, values.T)


@lru_cache(maxsize=8)
def _each_pair_once(count: int) -> RowNumbers:
    """Return for each row the rows before it; -1, which FAISS takes for -inf, for the others."""
    rows = np.arange(count, dtype=np.int64)
    return np.where(rows < rows[:, None], rows, -1)


def lists_for(rows: int) -> int:
    """Return how many clusters `rows` vectors are cut into."""
    return max(1, int(_LISTS_PER_ROOT * rows**0.5))


def train(sample: Vectors, lists: int) -> faiss.IndexFlatIP:
    """Return `lists` centroids of unit length; `sample` holds at least as many rows."""
    means = faiss.Kmeans(
        sample.shape[1],
        lists,
        niter=_ITERATIONS,
        spherical=True,
        seed=1,
        min_points_per_centroid=1,
        max_points_per_centroid=_TRAINING_ROWS,
    )
    means.train(np.ascontiguousarray(sample))
    return flat_index(np.asarray(means.centroids, dtype=np.float32).reshape(lists, -1))


def flat_index(vectors: Vectors) -> faiss.IndexFlatIP:
    """Return an index that holds `vectors`."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, dtype=np.float32))
    return index


def training_rows(lists: int) -> int:
    """Return how many rows `train` makes use of."""
    return lists * _TRAINING_ROWS


def calibrate(
    index: faiss.IndexFlatIP, centroids: faiss.IndexFlatIP, starts: RowNumbers
) -> Clusters:
    """Return the clusters with the budget that finds the neighbours of sampled queries."""
    queries = _probes(index)
    _, neighbors = index.search(queries, min(_NEIGHBORS, index.ntotal))
    lists = np.searchsorted(starts, neighbors, side="right") - 1
    _, order = centroids.search(queries, centroids.ntotal)
    seen = np.cumsum(np.diff(starts)[order], axis=1)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(order.shape[1])[None, :], axis=1)
    needed = np.take_along_axis(seen, np.take_along_axis(rank, lists, axis=1), axis=1)
    return Clusters(centroids, starts, int(np.quantile(needed, _RECALL)))


def _probes(index: faiss.IndexFlatIP) -> Vectors:
    # A question lies near its passages, not on one: between two of them is as far off.
    random = np.random.default_rng(2)
    pairs = random.integers(index.ntotal, size=(_PROBES, 2))
    ends = index.reconstruct_batch(pairs.ravel()).reshape(_PROBES, 2, -1)
    between = ends[:, 0] + random.uniform(0, 1, (_PROBES, 1)).astype(np.float32) * ends[:, 1]
    between /= np.maximum(np.linalg.norm(between, axis=1, keepdims=True), 1e-12)
    return np.asarray(between, dtype=np.float32)


def _ranges(starts: RowNumbers, ends: RowNumbers) -> RowNumbers:
    """Return the numbers from each start to before its end, one range after the other."""
    sizes = ends - starts
    shift = np.repeat(starts - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
    rows: RowNumbers = np.arange(len(shift), dtype=np.int64) + shift
    return rows
