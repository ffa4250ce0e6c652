"""The owned truth: documents and chunks in versioned tables.

Every commit of chunks is one version of the chunks table, and the number of that
version is the index version that callers see. Projections follow it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import lance
import numpy as np

from retrieval.chunk import Chunk, Document, Vectors, utc_now
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
    write,
)
from retrieval.errors import CorpusError, InvalidInputError
from retrieval.identity import EmbeddingIdentity

ChunkKey = tuple[str, str]
_LOOKUP = 1_000
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
        Chunks that are stored already as they are cost nothing. The ledger rows in
        `documents` follow after; killed in between, the same call mends it.
        """
        self._check(chunks, vectors)
        stored = self._stored_hashes(chunks)
        changed = [
            position
            for position, chunk in enumerate(chunks)
            if stored.get((chunk.namespace, chunk.chunk_id)) != chunk_hash(chunk)
        ]
        commit = self._merge(chunks, vectors, changed, replace)
        if commit.upserted:
            # Rows outside the text index are searched one by one, far more slowly.
            write(self.chunks_uri, lambda dataset: dataset.optimize.optimize_indices())
        self._ledger.record(documents)
        return commit

    def reusable_vectors(self, chunks: Sequence[Chunk]) -> dict[int, Vectors]:
        """Return, by position in `chunks`, the stored vectors of identical chunks."""
        known: dict[ChunkKey, tuple[str, list[float]]] = {}
        for row in self._lookup(chunks, ["namespace", "chunk_id", "content_hash", "vector"]):
            known[row["namespace"], row["chunk_id"]] = (
                row["content_hash"],
                row["vector"],
            )
        return {
            position: np.asarray(entry[1], dtype=np.float32)
            for position, chunk in enumerate(chunks)
            if (entry := known.get((chunk.namespace, chunk.chunk_id)))
            and entry[0] == chunk_hash(chunk)
        }

    def delete_document(self, namespace: str, doc_id: str) -> Commit:
        """Remove the chunks of a document and mark its ledger row as deleted."""
        commit = self._delete(documents_predicate([(namespace, doc_id)]))
        if row := self.document(namespace, doc_id):
            gone = replace(row, status="deleted", chunks=0, updated_at=utc_now())
            self._ledger.record([gone])
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
        """Fold new rows into the indexes, merge small fragments, drop old versions."""
        for uri in (self.chunks_uri, self._ledger.uri):
            write(uri, lambda dataset: dataset.optimize.compact_files())
            write(uri, lambda dataset: dataset.optimize.optimize_indices())
            write(
                uri,
                lambda dataset: dataset.cleanup_old_versions(older_than=_KEEP_VERSIONS),
            )

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

    def _merge(
        self,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        changed: list[int],
        replaced: Collection[DocumentKey],
    ) -> Commit:
        unchanged = [chunk for i, chunk in enumerate(chunks) if i not in set(changed)]
        stale = _stale_predicate(replaced, unchanged)
        if not changed:
            gone = self._delete(stale) if replaced else Commit(self.version)
            return Commit(gone.version, unchanged=len(unchanged), deleted=gone.deleted)
        table = chunks_to_table([chunks[i] for i in changed], vectors[changed])

        def merge(dataset: lance.LanceDataset) -> Commit:
            builder = dataset.merge_insert(["namespace", "chunk_id"])
            builder.when_matched_update_all().when_not_matched_insert_all()
            if replaced:
                builder.when_not_matched_by_source_delete(stale)
            deleted = builder.execute(table)["num_deleted_rows"]
            return Commit(int(dataset.version), len(changed), len(unchanged), deleted)

        return write(self.chunks_uri, merge)

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


def _stale_predicate(replaced: Collection[DocumentKey], kept: Sequence[Chunk]) -> str:
    predicate = f"({documents_predicate(replaced)})"
    by_namespace: dict[str, list[str]] = {}
    for chunk in kept:
        by_namespace.setdefault(chunk.namespace, []).append(quote(chunk.chunk_id))
    for namespace, ids in by_namespace.items():
        kept_ids = ", ".join(ids)
        predicate += f" AND NOT (namespace = {quote(namespace)} AND chunk_id IN ({kept_ids}))"
    return predicate
