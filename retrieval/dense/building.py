"""Putting the live rows of several segments into one new segment.

The result is made in place, block by block, so that building needs no more memory
than the result itself; searches go on meanwhile in the segments that it replaces.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import faiss
import numpy as np

from retrieval.chunk import Vectors
from retrieval.dense.clusters import (
    Clusters,
    RowNumbers,
    calibrate,
    lists_for,
    train,
    training_rows,
)
from retrieval.dense.segment import Keys, Segment, Store

_BLOCK = 4_096


@dataclass(frozen=True, slots=True)
class Built:
    """A new store, and from which row of which source each of its rows came."""

    store: Store
    sources: tuple[Store, ...]
    source: RowNumbers
    row: RowNumbers

    def segment(self, current: Sequence[Segment]) -> Segment:
        """Return the new segment; `current` are the sources as the newest version sees them."""
        addresses = np.empty(len(self.store), np.int64)
        alive = np.empty(len(self.store), np.bool_)
        for number, segment in enumerate(current):
            mine = self.source == number
            rows = self.row[mine]
            addresses[mine], alive[mine] = segment.addresses[rows], segment.mask[rows]
        return Segment.of(self.store, addresses, alive)


def build(segments: Sequence[Segment], clustered: bool) -> Built:
    """Return a store of the live rows of `segments`, with clusters if `clustered`.

    At least one row must be alive.
    """
    rows = [np.flatnonzero(segment.mask) for segment in segments]
    source = np.repeat(np.arange(len(rows)), [len(part) for part in rows])
    gathered = _Gathered(segments, source, np.concatenate(rows))
    centroids = _centroids(gathered) if clustered else None
    lists = _assigned(gathered, centroids)
    order = np.argsort(lists, kind="stable")
    index = _fill(gathered, order)
    clusters = _clusters(index, centroids, lists) if centroids is not None else None
    store = Store(index, gathered.keys[order], clusters)
    sources = tuple(segment.store for segment in segments)
    return Built(store, sources, source[order], gathered.row[order])


@dataclass(frozen=True, slots=True)
class _Gathered:
    """The live rows of all segments, one after the other."""

    segments: Sequence[Segment]
    source: RowNumbers
    row: RowNumbers

    @property
    def keys(self) -> Keys:
        """The key of each row."""
        keys = [
            segment.store.keys[self.row[self.source == number]]
            for number, segment in enumerate(self.segments)
        ]
        return np.concatenate(keys)

    @property
    def dimension(self) -> int:
        """The dimension of the vectors."""
        return int(self.segments[0].store.index.d)

    def vectors(self, positions: RowNumbers) -> Vectors:
        """Return the vectors at ascending `positions`."""
        parts = [
            self.segments[number].store.vectors(self.row[positions[mine]])
            for number in range(len(self.segments))
            if (mine := self.source[positions] == number).any()
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def blocks(self) -> Iterator[tuple[slice, Vectors]]:
        """Yield all vectors in order, a few thousand at a time."""
        for start in range(0, len(self.row), _BLOCK):
            block = slice(start, min(start + _BLOCK, len(self.row)))
            yield block, self.vectors(np.arange(block.start, block.stop))


def _centroids(gathered: _Gathered) -> faiss.IndexFlatIP:
    count = len(gathered.row)
    lists = lists_for(count)
    wanted = min(count, training_rows(lists))
    sample = np.sort(np.random.default_rng(3).choice(count, wanted, replace=False))
    return train(gathered.vectors(sample), min(lists, count))


def _assigned(gathered: _Gathered, centroids: faiss.IndexFlatIP | None) -> RowNumbers:
    lists = np.zeros(len(gathered.row), np.int64)
    if centroids is not None:
        for block, vectors in gathered.blocks():
            lists[block] = centroids.search(vectors, 1)[1][:, 0]
    return lists


def _fill(gathered: _Gathered, order: RowNumbers) -> faiss.IndexFlatIP:
    index, count = faiss.IndexFlatIP(gathered.dimension), len(order)
    # Adding block by block would grow the buffer by doubling, up to twice its size.
    index.codes.resize(count * index.code_size)
    index.ntotal = count
    rows = faiss.rev_swig_ptr(index.get_xb(), count * index.d).reshape(count, index.d)
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    for block, vectors in gathered.blocks():
        rows[place[block]] = vectors
    return index


def _clusters(
    index: faiss.IndexFlatIP, centroids: faiss.IndexFlatIP, lists: RowNumbers
) -> Clusters:
    sizes = np.bincount(lists, minlength=centroids.ntotal)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return calibrate(index, centroids, starts)
