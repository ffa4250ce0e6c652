"""Keeping the ledger true in an object store, where writers cannot lock each other out.

A writer stores passages and then its rows of the ledger. Where another one stores the
same document in between, their rows may follow in the other order. So each looks once
more: if the passages are no longer its own, its row must not say so.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import lance

from retrieval.chunk import Document
from retrieval.corpus.changes import ChunkKey, DocumentKey
from retrieval.corpus.ledger import Ledger
from retrieval.corpus.lookup import stored_chunks


def settle(
    ledger: Ledger,
    documents: Sequence[Document],
    stored: lance.LanceDataset,
    newest: Callable[[], lance.LanceDataset],
) -> None:
    """Correct the rows of those `documents` that others have changed since.

    `stored` is the version of the chunks table that the rows tell of. A corrected row
    names no content, so that whoever ingests the document next reads it again.
    """
    while (now := newest()).version != stored.version:
        if not (rows := _overtaken(documents, stored, now)):
            return
        ledger.record(rows)
        stored = now


def _overtaken(
    documents: Sequence[Document], stored: lance.LanceDataset, now: lance.LanceDataset
) -> list[Document]:
    keys = {(row.namespace, row.doc_id) for row in documents}
    before, after = _contents(stored, keys), _contents(now, keys)
    return [
        replace(
            row,
            status="ready" if after.get(key) else "deleted",
            chunks=len(after.get(key, ())),
            content_hash="",
        )
        for row in documents
        if before.get(key := (row.namespace, row.doc_id)) != after.get(key)
    ]


def _contents(
    dataset: lance.LanceDataset, keys: set[DocumentKey]
) -> dict[DocumentKey, dict[ChunkKey, str]]:
    """Return the content hashes of passages by their keys, by document."""
    found: dict[DocumentKey, dict[ChunkKey, str]] = {}
    for row in stored_chunks(dataset, (), keys):
        found.setdefault(row.document, {})[row.key] = row.content_hash
    return found
