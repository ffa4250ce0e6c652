"""Which events a commit of documents makes true."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from data_jobs.stages.work import Work
from publishing.events.contracts import (
    DOCUMENT_QUARANTINED,
    DOCUMENT_READY,
    FILE_ADDED,
    TRANSCRIPT_READY,
)
from publishing.events.event import Event, new_event
from retrieval.chunk import Document, JsonValue

Key = tuple[str, str]
_MEDIA = ("audio", "video", "image")
_UNKNOWN_LANGUAGE = "und"


def events_of(
    works: Sequence[Work], rows: Sequence[Document], known: Mapping[Key, Document]
) -> list[Event]:
    """Return the events about `works`, whose ledger rows become `rows` and were `known`."""
    return [
        event
        for work, row in zip(works, rows, strict=True)
        for event in _events(work, row, known.get(work.key))
    ]


def _events(work: Work, row: Document, known: Document | None) -> Iterator[Event]:
    before = None if known is None or known.status == "queued" else known
    change = (row.content_hash, row.pipeline, before.updated_at.isoformat() if before else "")
    if before is None or before.status == "deleted":
        yield new_event(FILE_ADDED, work.key, row.updated_at, _added(row), change[-1])
    if row.status == "quarantined":
        yield new_event(DOCUMENT_QUARANTINED, work.key, row.updated_at, _quarantined(row), *change)
        return
    yield new_event(DOCUMENT_READY, work.key, row.updated_at, _ready(row), *change)
    if segments := _segments(work):
        payload = _transcript(row, segments)
        yield new_event(TRANSCRIPT_READY, work.key, row.updated_at, payload, *change)


def _added(row: Document) -> dict[str, JsonValue]:
    major = (row.media_type or "").partition("/")[0]
    kind = major if major in _MEDIA else "document" if row.media_type else "other"
    return {
        "file_id": row.doc_id,
        "uri": row.source,
        "kind": kind,
        "namespace": row.namespace,
        "title": row.title,
        "media_type": row.media_type,
        "size_bytes": row.size_bytes,
    }


def _ready(row: Document) -> dict[str, JsonValue]:
    return {
        "doc_id": row.doc_id,
        "namespace": row.namespace,
        "uri": row.source,
        "chunk_count": row.chunks,
        "title": row.title,
        "media_type": row.media_type,
        "pages": row.pages,
        "content_hash": row.content_hash,
        "parent_id": row.parent_id,
    }


def _quarantined(row: Document) -> dict[str, JsonValue]:
    error = row.error
    return {
        "doc_id": row.doc_id,
        "namespace": row.namespace,
        "uri": row.source,
        "attempts": row.attempts,
        "error": {
            "stage": error.stage if error else "",
            "type": error.type if error else "",
            "message": error.message if error else "",
        },
    }


def _segments(work: Work) -> list[JsonValue]:
    """Return what is said and when, or the passages that have a time.

    There are none in documents without sound.
    """
    found: list[JsonValue] = [_known(asdict(each)) for each in work.spoken]
    if found:
        return found
    for chunk in work.chunks:
        start, end = chunk.locator.t_start, chunk.locator.t_end
        if start is not None:
            found.append({"start_s": start, "end_s": end or start, "text": chunk.text})
    return found


def _known(segment: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in segment.items() if value is not None}


def _transcript(row: Document, segments: list[JsonValue]) -> dict[str, JsonValue]:
    language = row.metadata.get("language")
    ends = [float(str(each["end_s"])) for each in segments if isinstance(each, dict)]
    return {
        "media_id": row.doc_id,
        "uri": row.source,
        "namespace": row.namespace,
        "title": row.title,
        "duration_s": max(ends),
        "language": language if isinstance(language, str) and language else _UNKNOWN_LANGUAGE,
        "segments": segments,
    }
