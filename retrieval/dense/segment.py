"""An immutable piece of the dense index."""

from dataclasses import dataclass, replace

import faiss
import numpy as np
from numpy.typing import NDArray

from retrieval.chunk import Vectors

Addresses = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Segment:
    """The vectors of one namespace in one fragment of the chunks table.

    `addresses` are row addresses, ascending; `index` holds the vectors in the
    same order. `alive` marks the rows that have not been deleted since; None
    means all. Safe to search from any number of threads.
    """

    addresses: Addresses
    index: faiss.IndexFlatIP
    alive: Mask | None = None

    @classmethod
    def build(cls, addresses: Addresses, vectors: Vectors) -> "Segment":
        """Return a segment over `vectors` of shape (len(addresses), dimension)."""
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        return cls(addresses, index)

    def __len__(self) -> int:
        """The number of rows that are alive."""
        return len(self.addresses) if self.alive is None else int(self.alive.sum())

    def keep(self, addresses: Addresses) -> "Segment":
        """Return this segment with only those of its rows alive that `addresses` names."""
        alive = np.isin(self.addresses, addresses)
        return replace(self, alive=None if alive.all() else alive)

    def search(
        self, query: Vectors, k: int, allowed: Addresses | None = None
    ) -> tuple[Addresses, Vectors]:
        """Return addresses and inner products of the best rows, at most `k`.

        `query` has shape (dimension,). `allowed` restricts the search to rows with
        these addresses; the restriction works inside the search, so a selective
        one still gives `k` rows where there are as many.
        """
        mask = self._mask(allowed)
        if mask is not None and not mask.any():
            return np.empty(0, np.int64), np.empty(0, np.float32)
        k = min(k, len(self.addresses))
        scores, rows = self.index.search(query[None, :], k, params=_parameters(mask))
        found = rows[0] >= 0
        return self.addresses[rows[0][found]], scores[0][found]

    def vectors(self, addresses: Addresses) -> tuple[Mask, Vectors]:
        """Return which of `addresses` stand here alive, and the vectors of these."""
        rows = np.searchsorted(self.addresses, addresses)
        rows[rows == len(self.addresses)] = 0
        here = self.addresses[rows] == addresses
        if self.alive is not None:
            here &= self.alive[rows]
        return here, self.index.reconstruct_batch(rows[here])

    def _mask(self, allowed: Addresses | None) -> Mask | None:
        if allowed is None:
            return self.alive
        mask: Mask = np.isin(self.addresses, allowed)
        return mask if self.alive is None else mask & self.alive


def _parameters(mask: Mask | None) -> faiss.SearchParameters | None:
    if mask is None:
        return None
    bits = np.packbits(mask, bitorder="little")
    return faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))  # type: ignore[call-arg,arg-type]
