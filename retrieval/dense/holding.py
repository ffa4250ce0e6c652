"""Which rows of a corpus a process holds in memory: all, or a share of them."""

import zlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

# Knuth's multiplicative hashing: checksums of ids that differ in a digit lie close together.
_SPREAD = np.uint64(2_654_435_769)
_BITS = np.uint64(32)
_MASK = np.uint64(2**32 - 1)


@dataclass(frozen=True, slots=True)
class Share:
    """Share `number`, from 0, of `of` about equal ones.

    A row belongs to one share by its namespace and chunk id, for ever and on any machine.
    """

    number: int
    of: int

    def owns(self, namespaces: pa.Array, chunk_ids: pa.Array) -> NDArray[np.bool_]:
        """Return which rows, given by columns of text, belong to this share."""
        pairs = zip(namespaces.to_pylist(), chunk_ids.to_pylist(), strict=True)
        seeds: dict[str, int] = {}
        sums = np.fromiter(
            (
                zlib.crc32(chunk.encode(), seeds.setdefault(name, zlib.crc32(name.encode())))
                for name, chunk in pairs
            ),
            np.uint64,
            len(chunk_ids),
        )
        place = (sums * _SPREAD) & _MASK
        mine: NDArray[np.bool_] = (place * np.uint64(self.of)) >> _BITS == self.number
        return mine


@dataclass(frozen=True, slots=True)
class Holding:
    """The rows of `share`, all where it is None; without `vectors` only where they stand."""

    share: Share | None = None
    vectors: bool = True


EVERYTHING = Holding()
