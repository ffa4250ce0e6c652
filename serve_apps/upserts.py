"""From the body of an upsert to chunks: bad items are named, good ones land. Blocking."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import from_json

from retrieval.chunk import Chunk, JsonValue
from serve_apps.body import field_error, invalid
from serve_apps.problems import MALFORMED_BODY, TOO_LARGE, ProblemError
from serve_apps.wire import RejectedItem, UpsertEnvelope, UpsertItem

# Where an item's payload may name the source that its hits cite.
_SOURCE_KEYS = ("uri", "url", "source")
_MAX_PAYLOAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """The parts of an upsert."""

    chunks: list[Chunk]
    rejected: list[RejectedItem]
    replace: bool


def parse_batch(body: bytes, max_items: int, default_namespace: str) -> Batch:
    """Return what `body` holds.

    Raises `ProblemError` when the body as a whole is not an upsert or holds more
    than `max_items` items.
    """
    envelope = _envelope(body)
    chunks: dict[tuple[str, str], tuple[int, Chunk]] = {}
    rejected: list[RejectedItem] = []
    for line, item in _items(envelope, max_items):
        parsed = _item(line, item, default_namespace)
        if isinstance(parsed, RejectedItem):
            rejected.append(parsed)
            continue
        key = (parsed.namespace, parsed.chunk_id)
        if earlier := chunks.pop(key, None):
            rejected.append(_superseded(earlier[0], line))
        chunks[key] = (line, _chunk(parsed, position=line - 1))
    rejected.sort(key=lambda entry: entry.line)
    return Batch([chunk for _, chunk in chunks.values()], rejected, envelope.replace)


def _envelope(body: bytes) -> UpsertEnvelope:
    try:
        return UpsertEnvelope.model_validate(_load(body))
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_input=False)) from None
    except (ValueError, RecursionError) as error:
        raise ProblemError(MALFORMED_BODY, f"The body is not JSON: {error}.") from None


def _load(text: bytes | str) -> object:
    try:
        return from_json(text)
    except ValueError:
        # Slower, but lone surrogates pass, so that they spoil their own item only.
        return json.loads(text)


def _items(envelope: UpsertEnvelope, max_items: int) -> Iterator[tuple[int, object]]:
    """Yield line numbers from 1 with items, those of JSON Lines still as text."""
    if envelope.items is not None:
        found: list[tuple[int, object]] = list(enumerate(envelope.items, 1))
    else:
        lines = enumerate((envelope.jsonl or "").split("\n"), 1)
        found = [(number, _Line(line)) for number, line in lines if line.strip()]
    if len(found) > max_items:
        raise ProblemError(
            TOO_LARGE,
            f"The call holds {len(found):,} items; at most {max_items:,} go into one. "
            "Send several calls.",
            limits={"max_batch_items": max_items},
        )
    yield from found


@dataclass(frozen=True, slots=True)
class _Line:
    text: str


def _item(line: int, item: object, default_namespace: str) -> UpsertItem | RejectedItem:
    if isinstance(item, _Line):
        try:
            item = _load(item.text)
        except (ValueError, RecursionError) as error:
            return RejectedItem(line=line, field="", detail=f"not JSON: {error}")
    if not isinstance(item, dict):
        return RejectedItem(line=line, field="", detail="not a JSON object")
    try:
        return _checked(UpsertItem.model_validate({"namespace": default_namespace, **item}))
    except ValidationError as error:
        first = field_error(error.errors(include_url=False, include_input=False)[0])
        return RejectedItem(line=line, field=first.field, detail=first.detail)
    except (ValueError, RecursionError) as error:
        return RejectedItem(line=line, field="payload", detail=str(error))


def _checked(item: UpsertItem) -> UpsertItem:
    size = len(json.dumps(item.payload, allow_nan=False).encode())
    if size > _MAX_PAYLOAD_BYTES:
        raise ValueError(f"is {size:,} bytes as JSON, at most {_MAX_PAYLOAD_BYTES:,} are stored")
    return item


def _superseded(line: int, by: int) -> RejectedItem:
    detail = f"line {by} has the same namespace and chunk_id and was stored instead"
    return RejectedItem(line=line, field="chunk_id", detail=detail)


def _chunk(item: UpsertItem, position: int) -> Chunk:
    sources = (_text(item.payload.get(key)) for key in _SOURCE_KEYS)
    title = _text(item.payload.get("title"))
    return Chunk(
        namespace=item.namespace,
        doc_id=item.doc_id,
        chunk_id=item.chunk_id,
        text=item.text,
        position=position,
        context=title or "",
        section_id=item.section_id,
        source=next(filter(None, sources), ""),
        title=title,
        metadata=item.payload,
    )


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) and value else None
