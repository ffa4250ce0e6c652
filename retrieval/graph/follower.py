"""The graph in memory: follows entities, relations, and the chunks that mention them."""

import threading
from dataclasses import replace

import lance

from retrieval.corpus.entities import entities_in
from retrieval.corpus.store import Corpus
from retrieval.dense.loading import file_key
from retrieval.entity import Entity
from retrieval.errors import StageError
from retrieval.graph.dictionaries import dictionaries_of
from retrieval.graph.mentions import Postings, read_postings
from retrieval.graph.neighbors import FOUND, found_entities, neighbors_of, stated_in
from retrieval.graph.snapshot import GraphSnapshot


class GraphFollower:
    """Keeps the newest `GraphSnapshot`, which is exchanged whole; readers never wait.

    A new version of the chunks costs the linking of its new fragments, a change of the
    entities that of all passages in namespaces that have any. Relations are read whole.
    Without entities there is nothing to do, unless `found_names` count: then every name in a
    relation is one.
    """

    def __init__(self, corpus: Corpus, *, found_names: bool = False) -> None:
        self._corpus = corpus
        self._found_names = found_names
        self._lock = threading.Lock()
        self._snapshot: GraphSnapshot | None = None
        self._entities: lance.LanceDataset | None = None
        self._relations: lance.LanceDataset | None = None
        self._chunks: lance.LanceDataset | None = None

    @property
    def current(self) -> GraphSnapshot | None:
        """The newest snapshot, or None before the first."""
        return self._snapshot

    @property
    def snapshot(self) -> GraphSnapshot:
        """The newest snapshot; `StageError` while the first is being made."""
        if self._snapshot is None and self._lock.locked():
            raise StageError("the entities are being read; try again in a moment")
        return self._snapshot or self.refresh()

    def refresh(self) -> GraphSnapshot:
        """Apply the newest entities and chunks, and return what is known then.

        Raises what reading the corpus raises; the snapshot before stays then.
        """
        with self._lock:
            before = self._snapshot or GraphSnapshot()
            entities, relations, chunks = self._entities, self._relations, self._chunks
            if _behind(entities) and self._corpus.entities.exists():
                entities, relations = self._corpus.entities.dataset(), None
            if (entities is not None or self._found_names) and _behind(relations):
                relations = self._corpus.relations.dataset()
            snapshot = self._known(before, entities, relations)
            if snapshot.linkers is not before.linkers:
                chunks = None
            if snapshot.linkers and _behind(chunks):
                newest = self._corpus.dataset()
                snapshot, chunks = _with_mentions(snapshot, newest, chunks), newest
            self._entities, self._relations, self._chunks = entities, relations, chunks
            self._snapshot = snapshot
            return snapshot

    def _known(
        self,
        before: GraphSnapshot,
        entities: lance.LanceDataset | None,
        relations: lance.LanceDataset | None,
    ) -> GraphSnapshot:
        """Return `before` with the newest entities and neighbors; what did not change stays."""
        if entities is self._entities and relations is self._relations:
            return before
        same = entities is self._entities
        snapshot = before if same else _named(entities_in(entities) if entities else [])
        stated = stated_in(relations) if relations else []
        if self._found_names:
            curated = [entity for entity in snapshot.entities if entity.source != FOUND]
            plain = _named(curated)
            everything = [*curated, *found_entities(stated, plain.linkers)]
            if list(snapshot.entities) != everything:
                snapshot = _named(everything)
        return replace(snapshot, neighbors=neighbors_of(stated, snapshot.linkers))


def _behind(dataset: lance.LanceDataset | None) -> bool:
    return dataset is None or int(dataset.latest_version) != int(dataset.version)


def _named(entities: list[Entity]) -> GraphSnapshot:
    found = dictionaries_of(entities)
    return GraphSnapshot(found.entities, found.linkers)


def _with_mentions(
    snapshot: GraphSnapshot, chunks: lance.LanceDataset, before: lance.LanceDataset | None
) -> GraphSnapshot:
    """Return `snapshot` with the mentions in `chunks`, and those of the version `before`.

    Searches may still see that one.
    """
    earlier = {file_key(part) for part in before.get_fragments()} if before else set[str]()
    kept = {key: found for key, found in snapshot.postings.items() if key in earlier}
    current = {file_key(part): part for part in chunks.get_fragments()}
    new = {
        key: read_postings(part, snapshot.linkers)
        for key, part in current.items()
        if _unread(part, kept.get(key))
    }
    return replace(snapshot, postings=kept | new)


def _unread(fragment: lance.LanceFragment, known: Postings | None) -> bool:
    # A restored version can have fewer deleted rows, and some that were not read.
    return known is None or int(fragment.metadata.num_deletions) < known.deletions
