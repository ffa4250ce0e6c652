"""The owned truth: documents, chunks, entities and relations in versioned tables.

Every commit of chunks is one version of the chunks table, and the number of that
version, as `retrieval.corpus.numbering` counts, is the index version that callers see.
Projections follow it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import lance
import numpy as np

from retrieval.chunk import Chunk, Document, Vectors, utc_now
from retrieval.corpus.changes import DocumentKey, document_key, find_changes
from retrieval.corpus.entities import EntityTable
from retrieval.corpus.filters import documents_predicate
from retrieval.corpus.ledger import INDEXES as LEDGER_INDEXES
from retrieval.corpus.ledger import DocumentPage, Ledger, Reason
from retrieval.corpus.locking import sole_writer
from retrieval.corpus.lookup import rows_by, stored_chunks
from retrieval.corpus.meta import create_meta, read_identity
from retrieval.corpus.migrations import migrate
from retrieval.corpus.numbering import index_version
from retrieval.corpus.relations import RelationTable, create_relations
from retrieval.corpus.replacing import merge_rows, replace_rows
from retrieval.corpus.schema import (
    DOCUMENTS,
    chunk_hash,
    chunks_schema,
    chunks_to_table,
)
from retrieval.corpus.settling import settle
from retrieval.corpus.tables import (
    BTREE,
    Session,
    create_indexes,
    create_table,
    open_table,
    table_exists,
    table_uri,
    write,
)
from retrieval.corpus.upkeep import index_new_rows, tidy
from retrieval.corpus.vector_column import identity_of, settle_vectors, vector_field
from retrieval.errors import CorpusError, InvalidInputError
from retrieval.identity import EmbeddingIdentity
from retrieval.relation import Relation

_LOOKUP = 1_000
_INDEX_CACHE_BYTES = 512 * 2**20
_METADATA_CACHE_BYTES = 128 * 2**20
_INDEXES: Mapping[str, Mapping[str, Any]] = {
    "chunk_id": BTREE,
    "doc_id": BTREE,
    "namespace": {"index_type": "BITMAP"},
    "indexed_text": {
        "index_type": "INVERTED",
        "base_tokenizer": "simple",
        "language": "English",
        "stem": True,
        "remove_stop_words": True,
        "ascii_folding": True,
        "lower_case": True,
        "with_position": False,
        "max_token_length": 64,
    },
}


@dataclass(frozen=True, slots=True)
class Commit:
    """What one commit did; `version` is the index version that shows it."""

    version: int
    upserted: int = 0
    unchanged: int = 0
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class NamespaceCounts:
    """The size of one namespace."""

    documents: int
    chunks: int


class Corpus:
    """One corpus at a URI; safe from any thread and process."""

    def __init__(self, uri: str, identity: EmbeddingIdentity) -> None:
        self.uri = uri
        self.identity = identity
        self.chunks_uri = table_uri(uri, "chunks")
        # Shared by all versions that this object opens, so that only what is new is read.
        self._session = Session(_INDEX_CACHE_BYTES, _METADATA_CACHE_BYTES)
        self._ledger = Ledger(table_uri(uri, "documents"), self._session)
        self.entities = EntityTable(uri, self._session)
        self.relations = RelationTable(uri, self._session)

    @classmethod
    def open(cls, uri: str, identity: EmbeddingIdentity) -> "Corpus":
        """Open the corpus at `uri`, creating it where there is none.

        Raises `EmbeddingIdentityError` when another model built it.
        """
        if not table_exists(table_uri(uri, "meta")):
            create_meta(uri, identity)
        read_identity(uri).require(identity, f"the corpus {uri}")
        migrate(uri)
        corpus = cls(uri, identity)
        if not table_exists(corpus._ledger.uri):
            create_table(corpus._ledger.uri, DOCUMENTS.empty_table())
        if not table_exists(corpus.chunks_uri):
            create_table(corpus.chunks_uri, chunks_schema(identity.dimension).empty_table())
        create_relations(uri)
        settle_vectors(corpus.chunks_uri)
        create_indexes(corpus.chunks_uri, _INDEXES)
        create_indexes(corpus._ledger.uri, LEDGER_INDEXES)
        return corpus

    @classmethod
    def open_existing(cls, uri: str) -> "Corpus":
        """Open the corpus at `uri` with the model that it names; `CorpusError` if there is none."""
        if not table_exists(table_uri(uri, "meta")):
            raise CorpusError(f"there is no corpus at {uri}; ingest something first")
        return cls.open(uri, read_identity(uri))

    @property
    def version(self) -> int:
        """The newest committed index version."""
        return index_version(self.dataset())

    def dataset(self) -> lance.LanceDataset:
        """Return the chunks table at its newest version."""
        return open_table(self.chunks_uri, self._session)

    def identity_at(self, dataset: lance.LanceDataset) -> EmbeddingIdentity:
        """Return the model behind the vectors of `dataset`, a version of the chunks table.

        It is `identity` until the corpus is re-embedded; this object then still reads and
        deletes, but no longer takes vectors.
        """
        return identity_of(dataset.schema) or self.identity

    def commit(
        self,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        *,
        replace: Collection[DocumentKey] = (),
        documents: Sequence[Document] = (),
        relations: Sequence[Relation] = (),
        recount: bool = False,
    ) -> Commit:
        """Store `chunks` with `vectors` of shape (len(chunks), dimension) in one version.

        All other chunks of the documents in `replace` go in the same version. `relations` are
        all that `chunks` state; those of before go.
        Documents and chunks that are stored already as they are cost nothing. The
        ledger rows in `documents` follow after; killed in between, the same call
        mends it. `recount` is for who does not know whether the documents were there: new
        ones are queued in the ledger first, and all get the number of chunks that they have
        in the end. Raises `EmbeddingIdentityError` when the corpus was re-embedded since it
        was opened.
        """
        self._check(chunks, vectors)
        with sole_writer(self.chunks_uri) as alone:
            if recount:
                # Killed half-way, what is found can still be listed and deleted.
                self._ledger.record(self._unknown(documents))
            store = partial(_store, chunks=chunks, vectors=vectors, replaced=replace, alone=alone)
            commit = write(self.chunks_uri, lambda now: store(self._own(now)), self._session)
            if commit.upserted or commit.deleted:
                index_new_rows(self.chunks_uri, self._session)
            # Before the next writer comes, so that both tell of the same one.
            self.relations.settle(chunks, replace, relations)
            self._tell(self._counted(documents) if recount else documents, commit, alone)
        return commit

    def reusable_vectors(self, chunks: Sequence[Chunk]) -> dict[int, Vectors]:
        """Return, by position in `chunks`, the stored vectors of identical chunks.

        Raises `InvalidInputError` for chunks that cannot be stored, and
        `EmbeddingIdentityError` when the corpus was re-embedded since it was opened.
        """
        dataset = self._own(self.dataset())
        hashes = [chunk_hash(chunk) for chunk in chunks]
        ids, vector = [chunk.chunk_id for chunk in chunks], vector_field(dataset.schema).name
        columns = ["namespace", "chunk_id", "content_hash", vector]
        rows = rows_by(dataset, "chunk_id", ids, columns)
        known = {(row["namespace"], row["chunk_id"]): row for row in rows}
        return {
            position: np.asarray(row[vector], dtype=np.float32)
            for position, chunk in enumerate(chunks)
            if (row := known.get((chunk.namespace, chunk.chunk_id)))
            and row["content_hash"] == hashes[position]
        }

    def resettle(self, chunks: Sequence[Chunk], relations: Sequence[Relation]) -> int:
        """Let `relations` be all that `chunks`, which were read from here, state.

        Chunks that have changed since keep what they have. Returns the number of rows written
        or removed.
        """
        with sole_writer(self.chunks_uri):
            ids, columns = [chunk.chunk_id for chunk in chunks], ("namespace", "content_hash")
            rows = rows_by(self.dataset(), "chunk_id", ids, ["chunk_id", *columns])
            present = {(row["namespace"], row["chunk_id"]): row["content_hash"] for row in rows}
            same = [
                chunk
                for chunk in chunks
                if present.get((chunk.namespace, chunk.chunk_id)) == chunk_hash(chunk)
            ]
            keys = {(chunk.namespace, chunk.chunk_id) for chunk in same}
            kept = [each for each in relations if (each.namespace, each.chunk_id) in keys]
            return self.relations.settle(same, (), kept)

    def delete_document(self, namespace: str, doc_id: str) -> Commit:
        """Remove the chunks of a document and its attachments; mark their rows as deleted."""
        with sole_writer(self.chunks_uri) as alone:
            family = self._ledger.family(namespace, doc_id)
            keys = {(namespace, doc_id), *((row.namespace, row.doc_id) for row in family)}
            delete = partial(_delete, predicate=documents_predicate(sorted(keys)))
            commit = write(self.chunks_uri, delete, self._session)
            self.relations.settle((), keys, ())
            # Without a lock others may have stored the document again before it was removed.
            listed = family if alone else self._ledger.find(keys).values()
            now = utc_now()
            rows = [
                replace(row, status="deleted", chunks=0, updated_at=now)
                for row in listed
                if row.status != "deleted"
            ]
            self._tell(rows, commit, alone)
        return commit

    def record(self, documents: Sequence[Document]) -> None:
        """Upsert ledger rows alone."""
        self._ledger.record(documents)

    def document(self, namespace: str, doc_id: str) -> Document | None:
        """Return the ledger row of a document, deleted ones too, or None."""
        return self._ledger.find([(namespace, doc_id)]).get((namespace, doc_id))

    def ledger(self, keys: Collection[DocumentKey]) -> dict[DocumentKey, Document]:
        """Return the ledger rows of those (namespace, doc_id) pairs that are known."""
        return self._ledger.find(keys)

    def documents(
        self,
        namespaces: Sequence[str] | None = None,
        *,
        status: str | None = None,
        source: str | None = None,
        reason: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> DocumentPage:
        """Return one page of the ledger; deleted documents only where `status` asks."""
        return self._ledger.page(
            namespaces, status=status, source=source, reason=reason, limit=limit, cursor=cursor
        )

    def reasons(self, namespaces: Sequence[str] | None = None) -> list[Reason]:
        """Return why documents are quarantined, most frequent first."""
        return self._ledger.reasons(namespaces)

    def ignore(self, namespace: str, doc_ids: Sequence[str]) -> list[str]:
        """Mark quarantined documents as ignored; return the ids of those that were quarantined.

        They are read again when their bytes change.
        """
        found = self._ledger.find({(namespace, doc_id) for doc_id in doc_ids})
        rows = [row for row in found.values() if row.status == "quarantined"]
        self._ledger.record([replace(row, status="ignored", updated_at=utc_now()) for row in rows])
        return [row.doc_id for row in rows]

    def namespaces(self) -> dict[str, NamespaceCounts]:
        """Return every namespace that holds documents or chunks, with its size."""
        table = self.dataset().to_table(columns=["namespace"])
        grouped = table.group_by("namespace").aggregate([([], "count_all")]).to_pylist()
        chunks = {row["namespace"]: row["count_all"] for row in grouped}
        documents = self._ledger.counts()
        return {
            name: NamespaceCounts(documents.get(name, 0), chunks.get(name, 0))
            for name in sorted(chunks | documents)
        }

    def count_chunks(self, keys: Collection[DocumentKey]) -> dict[DocumentKey, int]:
        """Return the number of chunks of each of those documents that have any."""
        counts: dict[DocumentKey, int] = {}
        dataset, ordered = self.dataset(), sorted(keys)
        for start in range(0, len(ordered), _LOOKUP):
            predicate = documents_predicate(ordered[start : start + _LOOKUP])
            table = dataset.to_table(columns=["namespace", "doc_id"], filter=predicate)
            grouped = table.group_by(["namespace", "doc_id"]).aggregate([([], "count_all")])
            for row in grouped.to_pylist():
                counts[row["namespace"], row["doc_id"]] = row["count_all"]
        return counts

    def optimize(self) -> bool:
        """Join small files, merge index segments, drop old versions; searches go on meanwhile.

        Costs little where there is little to do. Versions stay for ten minutes after a
        newer one has come, for those who read them. Returns False where another process
        is at it already.
        """
        tables = [self.chunks_uri, self._ledger.uri, self.relations.uri]
        if self.entities.exists():
            tables.append(self.entities.uri)
        done = [tidy(uri, self._session) for uri in tables]
        return all(done)

    def _tell(self, documents: Sequence[Document], commit: Commit, alone: bool) -> None:
        """Record rows that tell of `commit`, and see that they still do."""
        self._ledger.record(documents)
        if not alone and documents:
            newest = self.dataset()
            number = commit.version - index_version(newest) + int(newest.version)
            stored = newest if number == newest.version else newest.checkout_version(number)
            settle(self._ledger, documents, stored, self.dataset)

    def _unknown(self, documents: Sequence[Document]) -> list[Document]:
        """Return rows that announce those of `documents` that the ledger does not hold."""
        known = self._ledger.find({(row.namespace, row.doc_id) for row in documents})
        return [
            replace(row, status="queued", chunks=0)
            for row in documents
            if (row.namespace, row.doc_id) not in known
        ]

    def _counted(self, documents: Sequence[Document]) -> list[Document]:
        counts = self.count_chunks({(row.namespace, row.doc_id) for row in documents})
        return [
            replace(row, chunks=counts.get((row.namespace, row.doc_id), 0)) for row in documents
        ]

    def _own(self, dataset: lance.LanceDataset) -> lance.LanceDataset:
        self.identity_at(dataset).require(self.identity, "the corpus")
        return dataset

    def _check(self, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        expected = (len(chunks), self.identity.dimension)
        if vectors.shape != expected:
            raise InvalidInputError(f"vectors have shape {vectors.shape} instead of {expected}")
        if not np.isfinite(vectors).all():
            raise InvalidInputError("vectors hold NaN or infinite values")
        keys = {(chunk.namespace, chunk.chunk_id) for chunk in chunks}
        if len(keys) != len(chunks):
            raise InvalidInputError("two chunks of one commit share namespace and chunk_id")


def _store(
    dataset: lance.LanceDataset,
    chunks: Sequence[Chunk],
    vectors: Vectors,
    replaced: Collection[DocumentKey],
    alone: bool,
) -> Commit:
    stored = stored_chunks(dataset, chunks, replaced)
    ids: dict[DocumentKey, set[str]] = {}
    for row in stored:
        ids.setdefault(row.document, set()).add(row.key[1])
    changes = find_changes(chunks, replaced, {row.key: row.content_hash for row in stored}, ids)
    unchanged = len(chunks) - changes.changed
    if not changes.rows and not changes.replaced:
        return Commit(index_version(dataset), unchanged=unchanged)
    table = chunks_to_table([chunks[at] for at in changes.rows], vectors[changes.rows])
    if not alone and not dataset.get_fragments():
        whole = [at for at in changes.rows if document_key(chunks[at]) in changes.replaced]
        deleted = merge_rows(dataset, table, changes.replaced, len(whole))
        return Commit(index_version(dataset), changes.changed, unchanged, deleted)
    written = {(chunks[at].namespace, chunks[at].chunk_id) for at in changes.rows}
    gone = [row for row in stored if row.key in written or row.document in changes.replaced]
    committed = replace_rows(dataset, table, [row.address for row in gone], alone=alone)
    deleted = sum(row.key not in written for row in gone)
    return Commit(index_version(committed), changes.changed, unchanged, deleted)


def _delete(dataset: lance.LanceDataset, predicate: str) -> Commit:
    if not (rows := dataset.count_rows(filter=predicate)):
        return Commit(index_version(dataset))
    dataset.delete(predicate)
    return Commit(index_version(dataset), deleted=rows)
