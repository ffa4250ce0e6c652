"""One version of the corpus, ready to be searched."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import lance
import numpy as np

from retrieval.chunk import Vectors
from retrieval.corpus.numbering import Numbering
from retrieval.dense.by_content import addresses_holding
from retrieval.dense.clusters import Mask
from retrieval.dense.gpu import Gpu
from retrieval.dense.holding import EVERYTHING, Holding
from retrieval.dense.segment import Addresses, Keys, Segment
from retrieval.identity import EmbeddingIdentity

Segments = Mapping[str, tuple[Segment, ...]]


@dataclass(frozen=True, slots=True)
class FragmentState:
    """What has been applied of a fragment: its addresses and its list of deleted rows."""

    addresses: slice
    deletions: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of the corpus: table and vectors agree, and `identity` made the vectors.

    `version` is the index version, in the sense of `numbering`. `namespaces` holds the
    segments of each namespace, oldest first. `build` is the wish, in the sense of
    `retrieval.corpus.dense_build`, that these segments fulfil. `holding` says which of the
    rows there are.
    """

    version: int
    numbering: Numbering
    identity: EmbeddingIdentity
    dataset: lance.LanceDataset
    fragments: Mapping[str, FragmentState]
    namespaces: Segments
    build: int = 0
    holding: Holding = EVERYTHING

    def segments(self, namespaces: Iterable[str]) -> Iterator[Segment]:
        """Yield the segments of `namespaces`."""
        for name in namespaces:
            yield from self.namespaces.get(name, ())

    def search(
        self,
        query: Vectors,
        namespaces: Iterable[str],
        k: int,
        allowed: Addresses | None = None,
        gpu: Gpu | None = None,
    ) -> tuple[Addresses, Vectors]:
        """Return the `k` best addresses and their exact inner products, best first.

        Nothing is missed in a small namespace; in a large one, or under a filter that
        leaves many rows, a few in a hundred may be. Without a filter, a `gpu` is asked.
        """
        found = [
            segment.search(query, k, allowed)
            if gpu is None or allowed is not None
            else gpu.search(segment, query, k)
            for segment in self.segments(namespaces)
        ]
        if not found:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        addresses = np.concatenate([part[0] for part in found])
        scores = np.concatenate([part[1] for part in found])
        best = np.lexsort((addresses, -scores))[:k]
        return addresses[best], scores[best]

    def vectors(self, namespaces: Iterable[str], addresses: Addresses) -> Vectors:
        """Return the vectors of the rows at `addresses`, in their order; zeros where gone."""
        rows = np.zeros((len(addresses), self.identity.dimension), dtype=np.float32)
        for segment in self.segments(namespaces):
            here, vectors = segment.vectors(addresses)
            rows[here] = vectors
        return rows

    def keys(self, namespaces: Iterable[str], addresses: Addresses) -> Keys:
        """Return the keys of what the rows at `addresses` hold; 0 where gone or not known."""
        found = np.zeros(len(addresses), np.uint64)
        for segment in self.segments(namespaces):
            here, keys = segment.keys(addresses)
            found[here] = keys
        return found

    def products(self, query: Vectors, namespaces: Iterable[str], addresses: Addresses) -> Vectors:
        """Return the exact inner products of `query` with the rows at `addresses`; 0 where gone."""
        found = np.zeros(len(addresses), np.float32)
        for segment in self.segments(namespaces):
            here, values = segment.products(query, addresses)
            found[here] = values
        return found

    def holds(self, namespaces: Iterable[str], addresses: Addresses) -> Mask:
        """Return which of `addresses` are rows of `namespaces`."""
        found = np.zeros(len(addresses), np.bool_)
        for segment in self.segments(namespaces):
            found |= segment.holds(addresses)
        return found

    def find(self, namespaces: Iterable[str], keys: Keys) -> Addresses:
        """Return where in `namespaces` a row has the content of each key; -1 where none has."""
        return addresses_holding(self.segments(namespaces), keys)

    def count(self, namespaces: Iterable[str]) -> int:
        """Return the number of rows of `namespaces`."""
        return sum(map(len, self.segments(namespaces)))

    def counts(self) -> dict[str, int]:
        """Return the number of vectors per namespace."""
        counts = {name: sum(map(len, parts)) for name, parts in self.namespaces.items()}
        return {name: count for name, count in counts.items() if count}
