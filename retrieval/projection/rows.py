"""Reading the rows of a table as a projection needs them."""

import hashlib
import json
from collections.abc import Iterator, Sequence

import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retrieval.projection.base import Key, Table

Hashes = NDArray[np.uint64]
Addresses = NDArray[np.int64]
BATCH_ROWS = 500
_SCANNED_ROWS = 8_192


def scan(
    dataset: lance.LanceDataset,
    table: Table,
    fragments: Sequence[lance.LanceFragment] | None = None,
) -> Iterator[tuple[list[Key], list[str], Addresses]]:
    """Yield keys, marks and addresses of the rows, some thousand at a time."""
    scanner = dataset.scanner(
        columns=[*table.keys, *table.marks],
        with_row_address=True,
        batch_size=_SCANNED_ROWS,
        fragments=fragments,
    )
    for batch in scanner.to_batches():
        rows = pa.Table.from_batches([batch])
        yield keys_of(rows, table), marks_of(rows, table), _addresses(rows)


def whole(dataset: lance.LanceDataset, table: Table) -> Iterator[pa.Table]:
    """Yield all rows with keys, marks and columns, `BATCH_ROWS` at a time."""
    columns = _columns(table)
    for batch in dataset.to_batches(columns=columns, batch_size=BATCH_ROWS):
        yield pa.Table.from_batches([batch])


def at(dataset: lance.LanceDataset, table: Table, addresses: Addresses) -> Iterator[pa.Table]:
    """Yield the rows at `addresses` with keys, marks and columns, `BATCH_ROWS` at a time."""
    columns = _columns(table)
    for start in range(0, len(addresses), BATCH_ROWS):
        part = addresses[start : start + BATCH_ROWS]
        yield dataset._take_rows(part.tolist(), columns=columns)


def keys_of(rows: pa.Table, table: Table) -> list[Key]:
    """Return the key of each row."""
    return list(zip(*(rows[name].to_pylist() for name in table.keys), strict=True))


def marks_of(rows: pa.Table, table: Table) -> list[str]:
    """Return the mark of each row: 32 hexadecimal digits that stand for its content."""
    columns = [rows[name].to_pylist() for name in table.marks]
    return [_digest(list(values)) for values in zip(*columns, strict=True)]


def hashed(texts: Sequence[str] | Sequence[Key]) -> Hashes:
    """Return 64 bits for each of `texts`, for comparing many."""
    parts = (text if isinstance(text, str) else "\0".join(text) for text in texts)
    digests = b"".join(
        hashlib.blake2b(part.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for part in parts
    )
    return np.frombuffer(digests, np.uint64)


def _columns(table: Table) -> list[str]:
    return list(dict.fromkeys([*table.keys, *table.marks, *table.columns]))


def _addresses(rows: pa.Table) -> Addresses:
    return np.asarray(rows["_rowaddr"].to_numpy(), dtype=np.int64)


def _digest(values: list[object]) -> str:
    text = json.dumps(values, default=str, ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
