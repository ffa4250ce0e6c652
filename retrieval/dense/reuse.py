"""Vectors that are in memory already, although their rows have no place in the table."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.chunk import Vectors
from retrieval.dense.clusters import RowNumbers
from retrieval.dense.segment import Keys, Segment


@dataclass(frozen=True, slots=True)
class Matches:
    """Which of the sought keys were found (`positions`), in which segment and row."""

    positions: RowNumbers
    segment: RowNumbers
    row: RowNumbers

    def take(self, chosen: RowNumbers) -> "Matches":
        """Return the matches numbered by `chosen`."""
        return Matches(self.positions[chosen], self.segment[chosen], self.row[chosen])

    def vectors(self, segments: Sequence[Segment]) -> Vectors:
        """Return the vectors of the matches, in their order."""
        width = segments[0].store.index.d
        vectors = np.empty((len(self.row), width), np.float32)
        for number, segment in enumerate(segments):
            mine = self.segment == number
            vectors[mine] = segment.store.vectors(self.row[mine])
        return vectors


def match(segments: Sequence[Segment], keys: Keys) -> Matches:
    """Find rows of `segments` that are not alive and hold the content named by `keys`.

    Each row is found once at most; key 0 names nothing.
    """
    rows = [np.flatnonzero(~segment.mask) for segment in segments]
    segment = np.repeat(np.arange(len(rows)), [len(part) for part in rows])
    row = np.concatenate([*rows, np.empty(0, np.int64)])
    held = np.concatenate(
        [part.store.keys[at] for part, at in zip(segments, rows, strict=True)]
        + [np.empty(0, np.uint64)]
    )
    distinct, first = np.unique(held, return_index=True)
    if not len(distinct):
        return Matches(*(np.empty(0, np.int64) for _ in range(3)))
    at = np.minimum(np.searchsorted(distinct, keys), len(distinct) - 1)
    positions = np.flatnonzero((distinct[at] == keys) & (keys != 0))
    _, once = np.unique(at[positions], return_index=True)
    positions = positions[once]
    origin = first[at[positions]]
    return Matches(positions, segment[origin], row[origin])
