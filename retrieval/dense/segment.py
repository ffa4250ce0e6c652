"""An immutable piece of the dense index."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import faiss
import numpy as np
from numpy.typing import NDArray

from retrieval.chunk import Vectors
from retrieval.dense.clusters import FILTERED, Clusters, Mask, RowNumbers, flat_index, products

Addresses = NDArray[np.int64]
Keys = NDArray[np.uint64]

NO_ADDRESS = -1
_Found = tuple[Addresses, Vectors]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Store:
    """Vectors of one namespace that never change, shared by all versions that hold them.

    `keys` names the content of each row, 0 where it is not known. With `clusters`,
    searches look at the rows near the query only; without, at all.
    """

    index: faiss.IndexFlatIP
    keys: Keys
    clusters: Clusters | None = None

    def __len__(self) -> int:
        """The number of rows, whether they are alive or not."""
        return len(self.keys)

    def vectors(self, rows: RowNumbers) -> Vectors:
        """Return the vectors of `rows`, shape (len(rows), dimension)."""
        found: Vectors = self.index.reconstruct_batch(rows)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A store as one version of the table sees it.

    `addresses` gives each row's address in the table, `alive` whether it stands
    there; None means all. `order` holds the rows by ascending address. Safe to
    search from any number of threads.
    """

    store: Store
    addresses: Addresses
    order: RowNumbers
    alive: Mask | None = None

    @classmethod
    def of(cls, store: Store, addresses: Addresses, alive: Mask | None = None) -> "Segment":
        """Return the rows of `store` at `addresses`."""
        order = np.argsort(addresses, kind="stable")
        return cls(store, addresses, order, _some(alive))

    @classmethod
    def build(cls, addresses: Addresses, vectors: Vectors, keys: Keys | None = None) -> "Segment":
        """Return a segment over `vectors` of shape (len(addresses), dimension)."""
        names = np.zeros(len(addresses), np.uint64) if keys is None else keys
        return cls.of(Store(flat_index(vectors), names), addresses)

    def __len__(self) -> int:
        """The number of rows that are alive."""
        return len(self.store) if self.alive is None else int(np.count_nonzero(self.alive))

    @property
    def mask(self) -> Mask:
        """Which rows are alive."""
        return np.ones(len(self.store), np.bool_) if self.alive is None else self.alive

    def keep(self, addresses: Addresses, within: slice | None = None) -> "Segment":
        """Return this segment with only those of its rows alive that `addresses` names.

        `within` restricts this to rows with addresses from `start` to before `stop`.
        """
        rows = self.order if within is None else self._rows_within(within)
        alive = self.mask.copy()
        alive[rows] = np.isin(self.addresses[rows], addresses)
        return replace(self, alive=_some(alive))

    def without(self, ranges: Sequence[slice]) -> "Segment":
        """Return this segment without the rows at addresses in any of `ranges`."""
        found = [rows for within in ranges if len(rows := self._rows_within(within))]
        if not found:
            return self
        rows = np.concatenate(found)
        addresses, alive = self.addresses.copy(), self.mask.copy()
        addresses[rows], alive[rows] = NO_ADDRESS, False
        return Segment.of(self.store, addresses, alive)

    def revive(self, rows: RowNumbers, at: Addresses) -> "Segment":
        """Return this segment with `rows` alive at the addresses `at`."""
        addresses, alive = self.addresses.copy(), self.mask.copy()
        addresses[rows], alive[rows] = at, True
        return Segment.of(self.store, addresses, alive)

    def count(self, within: slice) -> int:
        """Return how many rows are alive at addresses from `start` to before `stop`."""
        rows = self._rows_within(within)
        return len(rows) if self.alive is None else int(np.count_nonzero(self.alive[rows]))

    def search(self, query: Vectors, k: int, allowed: Addresses | None = None) -> _Found:
        """Return addresses and exact inner products of the best rows, at most `k`.

        `query` has shape (dimension,). `allowed` restricts the search to rows with
        these addresses; the restriction works inside the search, so a selective
        one still gives `k` rows where there are as many.
        """
        clusters = self.store.clusters
        if allowed is not None:
            here, rows = self._rows_of(allowed)
            rows = rows[here]
            if clusters is None or len(rows) <= clusters.selective:
                return self._best(query, rows, k)
            mask = np.zeros(len(self.store), np.bool_)
            mask[rows] = True
            return self._best(query, clusters.near(query, mask, FILTERED), k)
        if clusters is None:
            return self._best_of_all(query, k)
        return self._best(query, clusters.near(query, self.alive), k)

    def vectors(self, addresses: Addresses) -> tuple[Mask, Vectors]:
        """Return which of `addresses` stand here alive, and the vectors of these."""
        here, rows = self._rows_of(addresses)
        return here, self.store.vectors(rows[here])

    def keys(self, addresses: Addresses) -> tuple[Mask, Keys]:
        """Return which of `addresses` stand here alive, and the keys of these."""
        here, rows = self._rows_of(addresses)
        return here, self.store.keys[rows[here]]

    def products(self, query: Vectors, addresses: Addresses) -> tuple[Mask, Vectors]:
        """Return which of `addresses` stand here alive, and their inner products with `query`."""
        here, rows = self._rows_of(addresses)
        return here, products(self.store.index, query, rows[here])

    def holds(self, addresses: Addresses) -> Mask:
        """Return which of `addresses` stand here alive."""
        return self._rows_of(addresses)[0]

    def _best(self, query: Vectors, rows: RowNumbers, k: int) -> _Found:
        found = products(self.store.index, query, rows)
        if len(rows) > k:
            best = np.argpartition(-found, k - 1)[:k]
            rows, found = rows[best], found[best]
        order = np.argsort(-found, kind="stable")
        return self.addresses[rows[order]], found[order]

    def _best_of_all(self, query: Vectors, k: int) -> _Found:
        k, parameters = min(k, len(self.store)), None
        if self.alive is not None:
            bits = np.packbits(self.alive, bitorder="little")
            selector = faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg,arg-type]
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        scores, rows = self.store.index.search(query[None, :], k, params=parameters)
        found = rows[0] >= 0
        return self.addresses[rows[0][found]], scores[0][found]

    def _rows_of(self, addresses: Addresses) -> tuple[Mask, RowNumbers]:
        sorter = self.order
        at = np.searchsorted(self.addresses, addresses, sorter=sorter)
        rows = sorter[np.minimum(at, len(sorter) - 1)]
        here = self.addresses[rows] == addresses
        if self.alive is not None:
            here &= self.alive[rows]
        return here, rows

    def _rows_within(self, within: slice) -> RowNumbers:
        first, last = np.searchsorted(
            self.addresses, [within.start, within.stop], sorter=self.order
        )
        return self.order[first:last]


def _some(alive: Mask | None) -> Mask | None:
    return None if alive is None or alive.all() else alive
