"""Finding rows by their ids, through the indexes."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import lance

from retrieval.chunk import Chunk
from retrieval.corpus.changes import ChunkKey, DocumentKey
from retrieval.corpus.filters import quote

_LOOKUP = 1_000
_COLUMNS = ("namespace", "chunk_id", "doc_id", "content_hash")


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """What a commit needs to know of a stored row; `address` is where it lies."""

    key: ChunkKey
    document: DocumentKey
    content_hash: str
    address: int


def rows_by(
    dataset: lance.LanceDataset, column: str, values: Iterable[str], columns: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield the rows whose `column` is one of `values`, with their `_rowaddr`."""
    ordered = sorted(set(values))
    for start in range(0, len(ordered), _LOOKUP):
        wanted = ", ".join(map(quote, ordered[start : start + _LOOKUP]))
        scanner = dataset.scanner(
            columns=list(columns), filter=f"{column} IN ({wanted})", with_row_address=True
        )
        yield from scanner.to_table().to_pylist()


def stored_chunks(
    dataset: lance.LanceDataset, chunks: Sequence[Chunk], documents: Collection[DocumentKey]
) -> list[StoredChunk]:
    """Return the rows that share the key of one of `chunks`, and all rows of `documents`."""
    keys = {(chunk.namespace, chunk.chunk_id) for chunk in chunks}
    found: dict[int, StoredChunk] = {}
    for column, values in (
        ("chunk_id", [chunk.chunk_id for chunk in chunks]),
        ("doc_id", [doc_id for _, doc_id in documents]),
    ):
        for row in map(_stored, rows_by(dataset, column, values, _COLUMNS)):
            if row.key in keys or row.document in documents:
                found[row.address] = row
    return list(found.values())


def _stored(row: dict[str, Any]) -> StoredChunk:
    namespace = row["namespace"]
    return StoredChunk(
        (namespace, row["chunk_id"]),
        (namespace, row["doc_id"]),
        row["content_hash"],
        row["_rowaddr"],
    )
