"""The relations table: what chunks state of names. Rows go with their chunks."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from functools import partial

import lance
import pyarrow as pa

from retrieval.chunk import Chunk
from retrieval.corpus.changes import ChunkKey, DocumentKey, document_key
from retrieval.corpus.filters import namespaces_predicate
from retrieval.corpus.locking import sole_writer
from retrieval.corpus.lookup import rows_by
from retrieval.corpus.replacing import replace_rows
from retrieval.corpus.schema import key_field
from retrieval.corpus.tables import (
    BTREE,
    Session,
    create_indexes,
    create_table,
    open_table,
    table_exists,
    table_uri,
    upsert,
    write,
)
from retrieval.corpus.upkeep import index_new_rows
from retrieval.relation import Relation

RELATIONS = pa.schema(
    [
        key_field("namespace", 1),
        pa.field("doc_id", pa.string(), nullable=False),
        key_field("chunk_id", 2),
        key_field("subject", 3),
        key_field("type", 4),
        key_field("object", 5),
        ("confidence", pa.float64()),
        ("start", pa.int32()),
        ("end", pa.int32()),
    ]
)


def create_relations(uri: str) -> None:
    """Create the table of the corpus at `uri`, unless it is there already."""
    table = table_uri(uri, "relations")
    if not table_exists(table):
        create_table(table, RELATIONS.empty_table())
    create_indexes(table, {"doc_id": BTREE})


class RelationTable:
    """Reads and writes the relations of the corpus at `uri`; safe from any thread or process."""

    def __init__(self, uri: str, session: Session | None = None) -> None:
        self.uri = table_uri(uri, "relations")
        self._session = session

    def dataset(self) -> lance.LanceDataset:
        """Return the table at its newest version."""
        return open_table(self.uri, self._session)

    def read(self, namespaces: Sequence[str] | None = None) -> list[Relation]:
        """Return the relations of `namespaces`, or of all, in order of namespace and chunk."""
        predicate = namespaces_predicate(namespaces) if namespaces is not None else None
        rows = self.dataset().to_table(filter=predicate).to_pylist()
        return sorted((Relation(**row) for row in rows), key=_key)

    def settle(
        self,
        chunks: Sequence[Chunk],
        replaced: Collection[DocumentKey],
        relations: Iterable[Relation],
    ) -> int:
        """Let `relations` be all that `chunks` state, and nothing else of `replaced` documents.

        What is there as it should be costs a look-up. Returns the number of rows written or
        removed.
        """
        keys = {(chunk.namespace, chunk.chunk_id) for chunk in chunks}
        documents = {document_key(chunk) for chunk in chunks} | set(replaced)
        wanted = {_key(each): each for each in relations}
        with sole_writer(self.uri) as alone:
            settle = partial(
                _settle, keys=keys, documents=documents, replaced=set(replaced), wanted=wanted
            )
            changed = write(self.uri, lambda now: settle(now, alone=alone), self._session)
            if changed:
                index_new_rows(self.uri, self._session)
        return changed


def _settle(
    dataset: lance.LanceDataset,
    keys: set[ChunkKey],
    documents: set[DocumentKey],
    replaced: set[DocumentKey],
    wanted: dict[tuple[str, ...], Relation],
    alone: bool,
) -> int:
    stored = _stored(dataset, documents) if dataset.get_fragments() else []
    theirs = [
        (address, each)
        for address, each in stored
        if (each.namespace, each.chunk_id) in keys or (each.namespace, each.doc_id) in replaced
    ]
    gone = [address for address, each in theirs if wanted.get(_key(each)) != each]
    kept = {_key(each) for _, each in theirs if wanted.get(_key(each)) == each}
    new = [asdict(each) for key, each in wanted.items() if key not in kept]
    if new or gone:
        table = pa.Table.from_pylist(new, RELATIONS)
        if alone or dataset.get_fragments():
            replace_rows(dataset, table, gone, alone=alone)
        else:
            upsert(dataset, ["namespace", "chunk_id", "subject", "type", "object"]).execute(table)
    return len(new) + len(gone)


def _stored(
    dataset: lance.LanceDataset, documents: Collection[DocumentKey]
) -> list[tuple[int, Relation]]:
    ids = {doc_id for _, doc_id in documents}
    rows = list(rows_by(dataset, "doc_id", ids, RELATIONS.names))
    found = [(row.pop("_rowaddr"), Relation(**row)) for row in rows]
    return [(at, each) for at, each in found if (each.namespace, each.doc_id) in documents]


def _key(relation: Relation) -> tuple[str, ...]:
    each = relation
    return each.namespace, each.chunk_id, each.subject, each.type, each.object
