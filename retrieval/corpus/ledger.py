"""The documents table: what became of every source."""

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import lance

from retrieval.chunk import Document
from retrieval.corpus.changes import DocumentKey
from retrieval.corpus.filters import namespaces_predicate, quote
from retrieval.corpus.locking import sole_writer
from retrieval.corpus.lookup import rows_by
from retrieval.corpus.paging import Pager, Wanted
from retrieval.corpus.replacing import replace_rows
from retrieval.corpus.schema import DOCUMENTS, documents_to_table, row_to_document
from retrieval.corpus.tables import BTREE, Session, open_table, upsert, write
from retrieval.corpus.upkeep import index_new_rows
from retrieval.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """Some documents in order of (namespace, doc_id), and where the next page begins."""

    documents: list[Document]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """How many documents of a namespace are quarantined for errors of a type in a stage."""

    namespace: str
    stage: str
    type: str
    count: int


# New rows are brought into those of namespaces and statuses by upkeep alone: to do so in each
# commit made it twice as dear, and a few rows are soon looked through.
INDEXES: Mapping[str, Mapping[str, Any]] = {
    "doc_id": BTREE,
    "namespace": {"index_type": "BITMAP"},
    "status": {"index_type": "BITMAP"},
}


class Ledger:
    """Reads and writes the documents table at `uri`; safe from any thread or process."""

    def __init__(
        self, uri: str, session: Session | None = None, pager: Pager | None = None
    ) -> None:
        self.uri = uri
        self._session = session
        self._pager = pager or Pager()

    def record(self, documents: Sequence[Document]) -> None:
        """Upsert the rows of `documents`; `created_at` of known rows stays."""
        if not documents:
            return
        newest = {(document.namespace, document.doc_id): document for document in documents}
        with sole_writer(self.uri) as alone:
            record = partial(_record, documents=newest, alone=alone)
            write(self.uri, record, self._session)
            index_new_rows(self.uri, self._session, ["doc_id"])

    def find(self, keys: Collection[DocumentKey]) -> dict[DocumentKey, Document]:
        """Return the rows of those (namespace, doc_id) pairs that are known."""
        rows = _rows(open_table(self.uri, self._session), keys)
        return {key: document for key, (document, _) in rows.items()}

    def family(self, namespace: str, doc_id: str) -> list[Document]:
        """Return the row of a document, if it is known, and those of all its attachments."""
        found = self.find([(namespace, doc_id)])
        parents, dataset = [doc_id], open_table(self.uri, self._session)
        while parents:
            among = ", ".join(quote(parent) for parent in parents)
            predicate = f"namespace = {quote(namespace)} AND parent_id IN ({among})"
            # Through the index of namespaces, all rows of this one would be read one by one.
            scanner = dataset.scanner(filter=predicate, use_scalar_index=False)
            rows = map(row_to_document, scanner.to_table().to_pylist())
            new = {(row.namespace, row.doc_id): row for row in rows}
            parents = [key[1] for key in new.keys() - found.keys()]
            found |= new
        return list(found.values())

    def page(
        self,
        namespaces: Sequence[str] | None = None,
        *,
        status: str | None = None,
        source: str | None = None,
        reason: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> DocumentPage:
        """Return one page of rows; deleted ones only where `status` asks for them.

        `reason` is the type of the error for which documents are quarantined.
        """
        parts = [f"status = {quote(status)}" if status else "status <> 'deleted'"]
        if source is not None:
            parts.append(f"source = {quote(source)}")
        if reason is not None:
            parts.append(f"error_type = {quote(reason)}")
        after = _after(cursor) if cursor is not None else None
        dataset = open_table(self.uri, self._session)
        wanted = Wanted(namespaces, " AND ".join(parts), after, status)
        found = self._pager.first(dataset, wanted, limit + 1)
        addresses = [row.address for row in found[:limit]]
        rows = dataset._take_rows(addresses, columns=DOCUMENTS.names).to_pylist()
        documents = [row_to_document(row) for row in rows]
        return DocumentPage(documents, _cursor(documents[-1]) if len(found) > limit else None)

    def reasons(self, namespaces: Sequence[str] | None = None) -> list[Reason]:
        """Return why documents are quarantined, most frequent first."""
        keys = ["namespace", "error_stage", "error_type"]
        parts = ["status = 'quarantined'"]
        if namespaces is not None:
            parts.append(namespaces_predicate(namespaces) if namespaces else "false")
        dataset = open_table(self.uri, self._session)
        table = dataset.to_table(columns=keys, filter=" AND ".join(parts))
        rows = table.group_by(keys).aggregate([([], "count_all")]).to_pylist()
        found = [
            Reason(
                row["namespace"],
                row["error_stage"] or "",
                row["error_type"] or "",
                row["count_all"],
            )
            for row in rows
        ]
        return sorted(found, key=lambda reason: (-reason.count, reason.namespace, reason.type))

    def counts(self) -> dict[str, int]:
        """Return the number of documents per namespace, deleted ones left out."""
        dataset = open_table(self.uri, self._session)
        table = dataset.to_table(columns=["namespace"], filter="status <> 'deleted'")
        grouped = table.group_by("namespace").aggregate([([], "count_all")])
        return {row["namespace"]: row["count_all"] for row in grouped.to_pylist()}


def _rows(
    dataset: lance.LanceDataset, keys: Collection[DocumentKey]
) -> dict[DocumentKey, tuple[Document, int]]:
    """Return the known rows of `keys`, each with its address."""
    ids = [doc_id for _, doc_id in keys]
    found: dict[DocumentKey, tuple[Document, int]] = {}
    for row in rows_by(dataset, "doc_id", ids, DOCUMENTS.names):
        address = row.pop("_rowaddr")
        if (key := (row["namespace"], row["doc_id"])) in keys:
            found[key] = (row_to_document(row), address)
    return found


def _record(
    dataset: lance.LanceDataset, documents: dict[DocumentKey, Document], alone: bool
) -> None:
    known = _rows(dataset, documents.keys())
    kept = [
        replace(document, created_at=known[key][0].created_at) if key in known else document
        for key, document in documents.items()
    ]
    table = documents_to_table(kept)
    if alone or dataset.get_fragments():
        replace_rows(dataset, table, [address for _, address in known.values()], alone=alone)
    else:
        upsert(dataset, ["namespace", "doc_id"]).execute(table)


def _cursor(document: Document) -> str:
    key = json.dumps([document.namespace, document.doc_id])
    return base64.urlsafe_b64encode(key.encode()).decode()


def _after(cursor: str) -> DocumentKey:
    try:
        namespace, doc_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        quote(namespace), quote(doc_id)
    except (ValueError, TypeError, AttributeError, RecursionError, InvalidInputError) as error:
        raise InvalidInputError(
            "cursor: not one that was handed out; leave it away to start from the first page"
        ) from error
    return namespace, doc_id
