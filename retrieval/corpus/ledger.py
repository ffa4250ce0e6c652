"""The documents table: what became of every source."""

import base64
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from retrieval.chunk import Document
from retrieval.corpus.filters import documents_predicate, namespaces_predicate, quote
from retrieval.corpus.schema import documents_to_table, row_to_document
from retrieval.corpus.tables import open_table, upsert, write
from retrieval.errors import InvalidInputError

DocumentKey = tuple[str, str]
_LOOKUP = 500


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """Some documents in order of (namespace, doc_id), and where the next page begins."""

    documents: list[Document]
    next_cursor: str | None


class Ledger:
    """Reads and writes the documents table at `uri`; safe from any thread or process."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def record(self, documents: Sequence[Document]) -> None:
        """Upsert the rows of `documents`; `created_at` of known rows stays."""
        if not documents:
            return
        newest = {(document.namespace, document.doc_id): document for document in documents}
        known = self.find(list(newest))
        kept = [
            replace(document, created_at=known[key].created_at) if key in known else document
            for key, document in newest.items()
        ]
        table = documents_to_table(kept)
        write(self.uri, lambda dataset: upsert(dataset, ["namespace", "doc_id"]).execute(table))

    def find(self, keys: Collection[DocumentKey]) -> dict[DocumentKey, Document]:
        """Return the rows of those (namespace, doc_id) pairs that are known."""
        dataset, found = open_table(self.uri), {}
        ordered = sorted(keys)
        for start in range(0, len(ordered), _LOOKUP):
            predicate = documents_predicate(ordered[start : start + _LOOKUP])
            for row in dataset.to_table(filter=predicate).to_pylist():
                found[row["namespace"], row["doc_id"]] = row_to_document(row)
        return found

    def family(self, namespace: str, doc_id: str) -> list[Document]:
        """Return the row of a document, if it is known, and those of all its attachments."""
        found = self.find([(namespace, doc_id)])
        parents, dataset = [doc_id], open_table(self.uri)
        while parents:
            among = ", ".join(quote(parent) for parent in parents)
            predicate = f"namespace = {quote(namespace)} AND parent_id IN ({among})"
            rows = map(row_to_document, dataset.to_table(filter=predicate).to_pylist())
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
        limit: int = 100,
        cursor: str | None = None,
    ) -> DocumentPage:
        """Return one page of rows; deleted ones only where `status` asks for them."""
        parts = [f"status = {quote(status)}" if status else "status <> 'deleted'"]
        if namespaces is not None:
            parts.append(namespaces_predicate(namespaces) if namespaces else "false")
        if source is not None:
            parts.append(f"source = {quote(source)}")
        if cursor is not None:
            parts.append(_after(cursor))
        rows = (
            open_table(self.uri)
            .scanner(
                filter=" AND ".join(parts),
                order_by=["namespace", "doc_id"],
                limit=limit + 1,
            )
            .to_table()
            .to_pylist()
        )
        documents = [row_to_document(row) for row in rows[:limit]]
        return DocumentPage(documents, _cursor(documents[-1]) if len(rows) > limit else None)

    def counts(self) -> dict[str, int]:
        """Return the number of documents per namespace, deleted ones left out."""
        table = open_table(self.uri).to_table(columns=["namespace"], filter="status <> 'deleted'")
        grouped = table.group_by("namespace").aggregate([([], "count_all")])
        return {row["namespace"]: row["count_all"] for row in grouped.to_pylist()}


def _cursor(document: Document) -> str:
    key = json.dumps([document.namespace, document.doc_id])
    return base64.urlsafe_b64encode(key.encode()).decode()


def _after(cursor: str) -> str:
    try:
        namespace, doc_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        first, second = quote(namespace), quote(doc_id)
    except (ValueError, TypeError, AttributeError, RecursionError, InvalidInputError) as error:
        raise InvalidInputError(
            "cursor: not one that was handed out; leave it away to start from the first page"
        ) from error
    return f"(namespace > {first} OR (namespace = {first} AND doc_id > {second}))"
