"""What hits show of a row, beside text and metadata, in one column.

Each column of each file is a read of its own, and ten hits lie in ten files: among a million
chunks, to read fifteen columns took seven times as long as to read this one.
"""

import json
from collections.abc import Sequence
from typing import Any

import lance
import pyarrow as pa

from retrieval.corpus.locking import sole_writer
from retrieval.corpus.schema import RECORD, RECORD_COLUMNS, record_of
from retrieval.corpus.tables import table_exists, table_uri, write

_BESIDE = ("indexed_text", "metadata")
_SCHEMA = pa.schema([pa.field(RECORD, pa.string())])

HIT_COLUMNS = (*RECORD_COLUMNS, *_BESIDE)


def read_hit_rows(dataset: lance.LanceDataset, addresses: Sequence[int]) -> list[dict[str, Any]]:
    """Return `HIT_COLUMNS` of the rows at `addresses`, in this order."""
    if RECORD in dataset.schema.names:
        rows = dataset._take_rows(addresses, columns=[RECORD, *_BESIDE]).to_pylist()
        # Older code, which still runs elsewhere, writes rows without one.
        if all(row[RECORD] for row in rows):
            return [_whole(row) for row in rows]
    found: list[dict[str, Any]]
    found = dataset._take_rows(addresses, columns=list(HIT_COLUMNS)).to_pylist()
    return found


def add_records(uri: str) -> None:
    """Give the chunks of the corpus at `uri` the column, where it is missing."""
    chunks = table_uri(uri, "chunks")
    if table_exists(chunks):
        with sole_writer(chunks):
            write(chunks, _add)


def _add(dataset: lance.LanceDataset) -> None:
    if RECORD in dataset.schema.names:
        return
    if dataset.get_fragments():
        dataset.add_columns(_from_columns, read_columns=list(RECORD_COLUMNS))
    else:
        dataset.add_columns(_SCHEMA)


@lance.batch_udf(output_schema=_SCHEMA)
def _from_columns(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.record_batch([pa.array(map(record_of, batch.to_pylist()))], schema=_SCHEMA)


def _whole(row: dict[str, Any]) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(row.pop(RECORD))
    return dict.fromkeys(RECORD_COLUMNS) | held | row
