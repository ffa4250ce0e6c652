"""The dense projection: follows the versions of the chunks table.

The table is made of immutable fragments with lists of deleted rows, and so is the
index: a new version costs the reading of its new fragments only, and a snapshot
shares everything else with the one before.
"""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import faiss
import lance
import numpy as np

from retrieval.chunk import Vectors
from retrieval.corpus.store import Corpus
from retrieval.dense.segment import Addresses, Segment

_ROWS = 65_536
Segments = dict[str, Segment]


@dataclass(frozen=True, slots=True)
class _Fragment:
    deletions: str
    segments: Segments


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of the corpus, ready to be searched: table and vectors agree."""

    version: int
    dimension: int
    dataset: lance.LanceDataset
    fragments: dict[str, _Fragment]

    def segments(self, namespaces: Iterable[str]) -> Iterator[Segment]:
        """Yield the segments of `namespaces`."""
        wanted = tuple(namespaces)
        for fragment in self.fragments.values():
            for name in wanted:
                if name in fragment.segments:
                    yield fragment.segments[name]

    def search(
        self, query: Vectors, namespaces: Iterable[str], k: int, allowed: Addresses | None = None
    ) -> tuple[Addresses, Vectors]:
        """Return the `k` best addresses and inner products, best first, exactly."""
        found = [segment.search(query, k, allowed) for segment in self.segments(namespaces)]
        if not found:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        addresses = np.concatenate([part[0] for part in found])
        scores = np.concatenate([part[1] for part in found])
        best = np.lexsort((addresses, -scores))[:k]
        return addresses[best], scores[best]

    def vectors(self, namespaces: Iterable[str], addresses: Addresses) -> Vectors:
        """Return the vectors of the rows at `addresses`, in their order; zeros where gone."""
        rows = np.zeros((len(addresses), self.dimension), dtype=np.float32)
        for segment in self.segments(namespaces):
            here, vectors = segment.vectors(addresses)
            rows[here] = vectors
        return rows

    def counts(self) -> dict[str, int]:
        """Return the number of vectors per namespace."""
        totals: dict[str, int] = {}
        for fragment in self.fragments.values():
            for name, segment in fragment.segments.items():
                totals[name] = totals.get(name, 0) + len(segment)
        return totals


class DenseFollower:
    """Keeps the newest applied `Snapshot`; readers never wait for `refresh`."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        # Searches run in threads of their own already.
        faiss.omp_set_num_threads(1)

    @property
    def snapshot(self) -> Snapshot:
        """The newest applied version; the first call loads it."""
        return self._snapshot or self.refresh()

    @property
    def version(self) -> int:
        """The applied version, 0 before the first load."""
        return self._snapshot.version if self._snapshot else 0

    def behind(self) -> bool:
        """Say whether the corpus has a newer version than the applied one."""
        if self._snapshot is None:
            return True
        return int(self._snapshot.dataset.latest_version) != self._snapshot.version

    def refresh(self) -> Snapshot:
        """Apply the newest version of the corpus and return it."""
        with self._lock:
            old = self._snapshot
            if old is None or self.behind():
                dataset = self._corpus.dataset()
                fragments = dict(_fragments(dataset, old.fragments if old else {}))
                dimension = self._corpus.identity.dimension
                old = Snapshot(int(dataset.version), dimension, dataset, fragments)
                self._snapshot = old
            return old


def _fragments(
    dataset: lance.LanceDataset, known: dict[str, _Fragment]
) -> Iterator[tuple[str, _Fragment]]:
    for fragment in dataset.get_fragments():
        # File names are unique for ever, fragment numbers are not after a rewrite.
        key = "/".join(file.path for file in fragment.data_files())
        deletions = str(fragment.deletion_file())
        old = known.get(key)
        if old is None:
            yield key, _Fragment(deletions, _load(fragment))
        elif old.deletions == deletions:
            yield key, old
        else:
            yield key, _Fragment(deletions, _without_deleted(fragment, old.segments))


def _load(fragment: lance.LanceFragment) -> Segments:
    parts: dict[str, list[tuple[Addresses, Vectors]]] = {}
    scanner = fragment.scanner(
        columns=["namespace", "vector"], with_row_address=True, batch_size=_ROWS
    )
    for batch in scanner.to_batches():
        namespaces = batch["namespace"].dictionary_encode()
        codes = namespaces.indices.to_numpy(zero_copy_only=False)
        addresses = batch["_rowaddr"].to_numpy().astype(np.int64)
        vectors = batch["vector"].flatten().to_numpy().reshape(len(addresses), -1)
        for code, name in enumerate(namespaces.dictionary.to_pylist()):
            rows = codes == code
            parts.setdefault(name, []).append((addresses[rows], vectors[rows]))
    return {
        name: Segment.build(
            np.concatenate([addresses for addresses, _ in found]),
            np.concatenate([vectors for _, vectors in found]),
        )
        for name, found in parts.items()
    }


def _without_deleted(fragment: lance.LanceFragment, segments: Segments) -> Segments:
    table = fragment.scanner(columns=[], with_row_address=True).to_table()
    alive = table["_rowaddr"].to_numpy().astype(np.int64)
    return {name: segment.keep(alive) for name, segment in segments.items()}
