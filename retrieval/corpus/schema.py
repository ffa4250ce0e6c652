"""The tables of the corpus, and the way between rows and objects."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from retrieval.chunk import (
    Chunk,
    Document,
    DocumentError,
    JsonValue,
    Locator,
    Vectors,
    utc_now,
)
from retrieval.errors import InvalidInputError
from retrieval.ids import content_hash

SCHEMA_VERSION = 3

_TIME = pa.timestamp("us", tz="UTC")


def key_field(name: str, position: int) -> pa.Field:
    """Return a text column that is part `position`, from 1, of the key of a table."""
    # Without a declared key, Lance lets two writers insert the same row at the same time.
    marks = {"": "true", ":position": str(position)}
    metadata = {f"lance-schema:unenforced-primary-key{mark}": marks[mark] for mark in marks}
    return pa.field(name, pa.string(), nullable=False, metadata=metadata)


DOCUMENTS = pa.schema(
    [
        key_field("namespace", 1),
        key_field("doc_id", 2),
        ("source", pa.string()),
        ("status", pa.string()),
        ("title", pa.string()),
        ("media_type", pa.string()),
        ("pages", pa.int32()),
        ("chunks", pa.int32()),
        ("size_bytes", pa.int64()),
        ("stage", pa.string()),
        ("error_stage", pa.string()),
        ("error_type", pa.string()),
        ("error_message", pa.string()),
        ("attempts", pa.int32()),
        ("content_hash", pa.string()),
        ("pipeline", pa.string()),
        ("parent_id", pa.string()),
        ("metadata", pa.string()),
        ("timings", pa.string()),
        ("created_at", _TIME),
        ("updated_at", _TIME),
    ]
)

LOCATOR_COLUMNS = ("page", "slide", "sheet", "heading", "t_start", "t_end")
RECORD = "record"
RECORD_COLUMNS = (
    "namespace",
    "chunk_id",
    "doc_id",
    "section_id",
    "text_offset",
    "source",
    "title",
    "media_type",
    *LOCATOR_COLUMNS,
)


# Made once: `json.dumps` makes an encoder each time.
_RECORD_JSON = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_ROW_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False)
_METADATA_JSON = json.JSONEncoder(sort_keys=True, allow_nan=False, ensure_ascii=False)


def chunks_schema(dimension: int) -> pa.Schema:
    """Return the schema of the chunks table for vectors of `dimension` float32."""
    return pa.schema(
        [
            key_field("namespace", 1),
            key_field("chunk_id", 2),
            pa.field("doc_id", pa.string(), nullable=False),
            ("position", pa.int32()),
            ("section_id", pa.string()),
            ("indexed_text", pa.string()),
            ("text_offset", pa.int32()),
            ("source", pa.string()),
            ("title", pa.string()),
            ("media_type", pa.string()),
            ("page", pa.int32()),
            ("slide", pa.int32()),
            ("sheet", pa.string()),
            ("heading", pa.string()),
            ("t_start", pa.float64()),
            ("t_end", pa.float64()),
            ("metadata", pa.json_()),
            ("content_hash", pa.string()),
            ("created_at", _TIME),
            (RECORD, pa.string()),
            ("vector", pa.list_(pa.float32(), dimension)),
        ]
    )


def record_of(row: Mapping[str, Any]) -> str:
    """Return as JSON what `RECORD_COLUMNS` hold of a row, NULL left out."""
    held = {name: value for name in RECORD_COLUMNS if (value := row[name]) is not None}
    return _RECORD_JSON.encode(held)


def chunk_hash(chunk: Chunk) -> str:
    """Return the SHA-256 over everything that is stored of `chunk`.

    Raises `InvalidInputError` for text that is not Unicode and for unfit metadata.
    """
    return _row_hash(_chunk_row(chunk, to_json(chunk.metadata)))


def _row_hash(row: Mapping[str, Any]) -> str:
    text = _ROW_JSON.encode(row)
    try:
        return content_hash(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"the chunk {row['chunk_id']!r} holds text that is not valid Unicode: {error.reason}"
        ) from error


def chunks_to_table(chunks: Sequence[Chunk], vectors: Vectors) -> pa.Table:
    """Return the rows of `chunks` with `vectors`, shape (len(chunks), dimension)."""
    schema = chunks_schema(vectors.shape[1])
    rows = _chunk_rows(chunks)
    hashes = [_row_hash(row) for row in rows]
    now = utc_now()
    columns: list[pa.Array] = []
    for field in schema:
        if field.name == "vector":
            flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
            columns.append(pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]))
        elif field.name == "content_hash":
            columns.append(pa.array(hashes, pa.string()))
        elif field.name == RECORD:
            columns.append(pa.array(map(record_of, rows), pa.string()))
        elif field.name == "created_at":
            columns.append(pa.array([now] * len(rows), _TIME))
        else:
            columns.append(pa.array([row[field.name] for row in rows], field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _chunk_rows(chunks: Sequence[Chunk]) -> list[dict[str, Any]]:
    """Return the rows of `chunks`; metadata that many of them share is made JSON once."""
    told: dict[int, str] = {}
    for chunk in chunks:
        if id(chunk.metadata) not in told:
            told[id(chunk.metadata)] = to_json(chunk.metadata)
    return [_chunk_row(chunk, told[id(chunk.metadata)]) for chunk in chunks]


def _chunk_row(chunk: Chunk, metadata: str) -> dict[str, Any]:
    text = chunk.indexed_text
    return {
        "namespace": chunk.namespace,
        "chunk_id": chunk.chunk_id,
        "doc_id": chunk.doc_id,
        "position": chunk.position,
        "section_id": chunk.section_id,
        "indexed_text": text,
        "text_offset": len(text) - len(chunk.text),
        "source": chunk.source,
        "title": chunk.title,
        "media_type": chunk.media_type,
        # Not `asdict`, whose deep copies were half the time of a commit.
        **{name: getattr(chunk.locator, name) for name in LOCATOR_COLUMNS},
        "metadata": metadata,
    }


def row_to_chunk(row: Mapping[str, Any]) -> Chunk:
    """Return the chunk behind a row of the chunks table."""
    text, offset = row["indexed_text"], row["text_offset"]
    return Chunk(
        namespace=row["namespace"],
        doc_id=row["doc_id"],
        chunk_id=row["chunk_id"],
        text=text[offset:],
        position=row["position"],
        context=text[: max(offset - 1, 0)],
        section_id=row["section_id"],
        source=row["source"],
        title=row["title"],
        media_type=row["media_type"],
        locator=Locator(**{name: row[name] for name in LOCATOR_COLUMNS}),
        metadata=from_json(row["metadata"]),
    )


def documents_to_table(documents: Sequence[Document]) -> pa.Table:
    """Return the ledger rows of `documents`; `InvalidInputError` for text that is not Unicode."""
    rows = [_document_row(document) for document in documents]
    try:
        return pa.Table.from_pylist(rows, DOCUMENTS)
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"a document holds text that is not valid Unicode: {error.object!r}"[:300]
        ) from error


def _document_row(document: Document) -> dict[str, Any]:
    row = asdict(document)
    error = row.pop("error") or {"stage": None, "type": None, "message": None}
    return row | {
        "error_stage": error["stage"],
        "error_type": error["type"],
        "error_message": error["message"],
        "metadata": to_json(document.metadata),
        "timings": to_json(document.timings),
    }


def row_to_document(row: Mapping[str, Any]) -> Document:
    """Return the document behind a ledger row."""
    values = dict(row)
    stage, kind, message = (values.pop(f"error_{part}") for part in ("stage", "type", "message"))
    error = DocumentError(stage or "", kind, message or "") if kind else None
    metadata, timings = (
        from_json(values.pop("metadata")),
        from_json(values.pop("timings")),
    )
    values |= {name: _aware(values[name]) for name in ("created_at", "updated_at")}
    seconds = {
        name: float(value) for name, value in timings.items() if isinstance(value, int | float)
    }
    return Document(**values, error=error, metadata=metadata, timings=seconds)


def to_json(value: Mapping[str, JsonValue] | Mapping[str, float]) -> str:
    """Return `value` as JSON with sorted keys.

    Raises `InvalidInputError` for NaN, infinities and what JSON has no form for.
    """
    try:
        return _METADATA_JSON.encode(dict(value))
    except (ValueError, TypeError) as error:
        raise InvalidInputError(f"metadata cannot be stored as JSON: {error}") from error


def from_json(value: str | None) -> dict[str, JsonValue]:
    """Return the JSON object in `value`."""
    result: dict[str, JsonValue] = json.loads(value) if value else {}
    return result


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
