"""The owned truth: documents and chunks in versioned tables.

Every commit of chunks is one version of the chunks table, and the number of that
version is the index version that callers see. Projections follow it.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any, cast

import lance
import numpy as np
import pyarrow as pa

from retrieval.chunk import Chunk, Document, Vectors, utc_now
from retrieval.corpus.changes import Changes, ChunkKey, document_key, find_changes
from retrieval.corpus.filters import documents_predicate, quote
from retrieval.corpus.ledger import DocumentKey, DocumentPage, Ledger
from retrieval.corpus.meta import create_meta, read_identity
from retrieval.corpus.schema import (
    DOCUMENTS,
    chunk_hash,
    chunks_schema,
    chunks_to_table,
)
from retrieval.corpus.tables import (
    create_table,
    open_table,
    table_exists,
    table_uri,
    upsert,
    write,
)
from retrieval.errors import CorpusError, InvalidInputError
from retrieval.identity import EmbeddingIdentity

_LOG = logging.getLogger(__name__)
_LOOKUP = 1_000
_ROUNDS = 5
_KEEP_VERSIONS = timedelta(minutes=10)
_INDEXES: dict[str, dict[str, Any]] = {
    "chunk_id": {"index_type": "BTREE"},
    "doc_id": {"index_type": "BTREE"},
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
        self._ledger = Ledger(table_uri(uri, "documents"))

    @classmethod
    def open(cls, uri: str, identity: EmbeddingIdentity) -> "Corpus":
        """Open the corpus at `uri`, creating it where there is none.

        Raises `EmbeddingIdentityError` when another model built it.
        """
        if not table_exists(table_uri(uri, "meta")):
            create_meta(uri, identity)
        read_identity(uri).require(identity, f"the corpus {uri}")
        corpus = cls(uri, identity)
        if not table_exists(corpus._ledger.uri):
            create_table(corpus._ledger.uri, DOCUMENTS.empty_table())
        if not table_exists(corpus.chunks_uri):
            create_table(corpus.chunks_uri, chunks_schema(identity.dimension).empty_table())
        corpus._create_indexes()
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
        return int(open_table(self.chunks_uri).version)

    def dataset(self) -> lance.LanceDataset:
        """Return the chunks table at its newest version."""
        return open_table(self.chunks_uri)

    def commit(
        self,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        *,
        replace: Collection[DocumentKey] = (),
        documents: Sequence[Document] = (),
    ) -> Commit:
        """Store `chunks` with `vectors` of shape (len(chunks), dimension) in one version.

        All other chunks of the documents in `replace` go in the same version.
        Documents and chunks that are stored already as they are cost nothing. The
        ledger rows in `documents` follow after; killed in between, the same call
        mends it.
        """
        self._check(chunks, vectors)
        changes = find_changes(
            chunks, replace, self._stored_hashes(chunks), self._stored_ids(replace)
        )
        commit = self._apply(changes, chunks, vectors)
        if changes.rows:
            self._index_new_rows()
        self._ledger.record(documents)
        return commit

    def reusable_vectors(self, chunks: Sequence[Chunk]) -> dict[int, Vectors]:
        """Return, by position in `chunks`, the stored vectors of identical chunks.

        Raises `InvalidInputError` for chunks that cannot be stored.
        """
        hashes = [chunk_hash(chunk) for chunk in chunks]
        rows = self._lookup(chunks, ["namespace", "chunk_id", "content_hash", "vector"])
        known = {(row["namespace"], row["chunk_id"]): row for row in rows}
        return {
            position: np.asarray(row["vector"], dtype=np.float32)
            for position, chunk in enumerate(chunks)
            if (row := known.get((chunk.namespace, chunk.chunk_id)))
            and row["content_hash"] == hashes[position]
        }

    def delete_document(self, namespace: str, doc_id: str) -> Commit:
        """Remove the chunks of a document and its attachments; mark their rows as deleted."""
        family = self._ledger.family(namespace, doc_id)
        keys = {(namespace, doc_id), *((row.namespace, row.doc_id) for row in family)}
        commit = self._delete(documents_predicate(sorted(keys)))
        now = utc_now()
        self._ledger.record(
            [
                replace(row, status="deleted", chunks=0, updated_at=now)
                for row in family
                if row.status != "deleted"
            ]
        )
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
        limit: int = 100,
        cursor: str | None = None,
    ) -> DocumentPage:
        """Return one page of the ledger; deleted documents only where `status` asks."""
        return self._ledger.page(
            namespaces, status=status, source=source, limit=limit, cursor=cursor
        )

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

    def optimize(self) -> None:
        """Fold new rows into the indexes, merge small fragments, drop old versions.

        Versions stay for ten minutes after a newer one has come, for those who read them.
        """
        for uri in (self.chunks_uri, self._ledger.uri):
            write(uri, lambda dataset: dataset.optimize.compact_files())
            write(uri, lambda dataset: dataset.optimize.optimize_indices())
            write(uri, _drop_old_versions)

    def _check(self, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        expected = (len(chunks), self.identity.dimension)
        if vectors.shape != expected:
            raise InvalidInputError(f"vectors have shape {vectors.shape} instead of {expected}")
        if not np.isfinite(vectors).all():
            raise InvalidInputError("vectors hold NaN or infinite values")
        keys = {(chunk.namespace, chunk.chunk_id) for chunk in chunks}
        if len(keys) != len(chunks):
            raise InvalidInputError("two chunks of one commit share namespace and chunk_id")

    def _stored_hashes(self, chunks: Sequence[Chunk]) -> dict[ChunkKey, str]:
        rows = self._lookup(chunks, ["namespace", "chunk_id", "content_hash"])
        return {(row["namespace"], row["chunk_id"]): row["content_hash"] for row in rows}

    def _lookup(self, chunks: Sequence[Chunk], columns: list[str]) -> list[dict[str, Any]]:
        dataset, ids = self.dataset(), sorted({chunk.chunk_id for chunk in chunks})
        rows: list[dict[str, Any]] = []
        for start in range(0, len(ids), _LOOKUP):
            wanted = ", ".join(quote(value) for value in ids[start : start + _LOOKUP])
            table = dataset.to_table(columns=columns, filter=f"chunk_id IN ({wanted})")
            rows.extend(table.to_pylist())
        return rows

    def _stored_ids(self, keys: Collection[DocumentKey]) -> dict[DocumentKey, set[str]]:
        dataset, ordered = self.dataset(), sorted(set(keys))
        found: dict[DocumentKey, set[str]] = {}
        for start in range(0, len(ordered), _LOOKUP):
            predicate = documents_predicate(ordered[start : start + _LOOKUP])
            columns = ["namespace", "doc_id", "chunk_id"]
            for row in dataset.to_table(columns=columns, filter=predicate).to_pylist():
                found.setdefault((row["namespace"], row["doc_id"]), set()).add(row["chunk_id"])
        return found

    def _apply(self, changes: Changes, chunks: Sequence[Chunk], vectors: Vectors) -> Commit:
        unchanged = len(chunks) - changes.changed
        if not changes.rows:
            if not changes.replaced:
                return Commit(self.version, unchanged=unchanged)
            gone = self._delete(documents_predicate(changes.replaced))
            return Commit(gone.version, unchanged=unchanged, deleted=gone.deleted)
        table = chunks_to_table([chunks[at] for at in changes.rows], vectors[changes.rows])
        whole = [at for at in changes.rows if document_key(chunks[at]) in changes.replaced]
        merge = partial(_merge, table=table, replaced=changes.replaced, expected=len(whole))
        version, deleted = write(self.chunks_uri, merge)
        return Commit(version, changes.changed, unchanged, deleted)

    def _index_new_rows(self) -> None:
        # Rows outside the text index are found too, but one by one, far more slowly.
        try:
            write(self.chunks_uri, lambda dataset: dataset.optimize.optimize_indices())
        except CorpusError as error:
            _LOG.warning("the rows are stored, but not yet in the text index: %s", error)

    def _delete(self, predicate: str) -> Commit:
        def delete(dataset: lance.LanceDataset) -> Commit:
            if not (rows := dataset.count_rows(filter=predicate)):
                return Commit(int(dataset.version))
            dataset.delete(predicate)
            return Commit(int(dataset.version), deleted=rows)

        return write(self.chunks_uri, delete)

    def _create_indexes(self) -> None:
        present = {index.name for index in self.dataset().describe_indices()}
        for column, options in _INDEXES.items():
            if f"{column}_idx" not in present:
                write(self.chunks_uri, partial(_create_index, column=column, options=options))


def _create_index(dataset: lance.LanceDataset, column: str, options: dict[str, Any]) -> None:
    dataset.create_scalar_index(column, **options)


def _drop_old_versions(dataset: lance.LanceDataset) -> None:
    # A version's age says nothing: readers may hold the newest one until it is superseded.
    limit = utc_now() - _KEEP_VERSIONS
    old = [
        version["version"]
        for version, successor in pairwise(dataset.versions())
        if cast(datetime, successor["timestamp"]).astimezone() < limit
    ]
    if old:
        dataset.cleanup_old_versions(versions=old)


def _merge(
    dataset: lance.LanceDataset, table: pa.Table, replaced: set[DocumentKey], expected: int
) -> tuple[int, int]:
    predicate, deleted = documents_predicate(replaced), 0
    for _ in range(_ROUNDS):
        builder = upsert(dataset, ["namespace", "chunk_id"])
        if replaced:
            builder.when_not_matched_by_source_delete(predicate)
        deleted += builder.execute(table)["num_deleted_rows"]
        # Rows that another writer gave the same new document meanwhile are no conflict to Lance.
        if not replaced or dataset.count_rows(filter=predicate) == expected:
            break
    return int(dataset.version), deleted
