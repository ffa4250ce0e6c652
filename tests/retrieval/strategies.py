"""Random values of the kinds that callers really send."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from retrieval.chunk import Chunk, Document, DocumentError, JsonValue, Locator

INT32 = 2**31 - 1
NASTY = "'\"\\`;-%_$?{}[]()/*\x00\x07\n\r\t\x1b\x7f\u2028é😀 aA1"

texts = st.text(st.one_of(st.sampled_from(NASTY), st.characters(codec="utf-8")), max_size=30)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1)
scalars: st.SearchStrategy[JsonValue] = st.none() | st.booleans() | numbers | texts
json_values: st.SearchStrategy[JsonValue] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
metadata = st.dictionaries(texts, json_values, max_size=4)
moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))

_counts = st.integers(0, INT32)
_seconds = st.floats(0, 1e6) | st.none()

locators = st.builds(
    Locator,
    page=st.none() | _counts,
    slide=st.none() | _counts,
    sheet=st.none() | texts,
    heading=st.none() | texts,
    t_start=_seconds,
    t_end=_seconds,
)

chunks = st.builds(
    Chunk,
    namespace=names,
    doc_id=names,
    chunk_id=names,
    text=texts,
    position=_counts,
    context=texts,
    section_id=st.none() | texts,
    source=texts,
    title=st.none() | texts,
    media_type=texts,
    locator=locators,
    metadata=metadata,
)

documents = st.builds(
    Document,
    namespace=names,
    doc_id=names,
    source=texts,
    status=st.sampled_from(["queued", "ready", "quarantined", "deleted"]),
    title=st.none() | texts,
    media_type=st.none() | texts,
    pages=_counts,
    chunks=_counts,
    size_bytes=st.integers(0, 2**62),
    stage=st.none() | texts,
    error=st.none() | st.builds(DocumentError, stage=texts, type=names, message=texts),
    attempts=_counts,
    content_hash=texts,
    pipeline=texts,
    parent_id=st.none() | texts,
    metadata=metadata,
    timings=st.dictionaries(texts, st.floats(0, 1e6), max_size=3),
    created_at=moments,
    updated_at=moments,
)
