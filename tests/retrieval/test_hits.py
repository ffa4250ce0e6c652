import math
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrieval.chunk import Chunk, JsonValue, Locator
from retrieval.corpus.records import HIT_COLUMNS
from retrieval.corpus.schema import LOCATOR_COLUMNS, to_json
from retrieval.hits import deep_link, make_hit
from retrieval.query import Explanation
from tests.retrieval.strategies import chunks, texts

uris = texts | st.builds(
    "{}:{}{}".format,
    st.sampled_from(["http", "https", "file", "HTTP", "mailto", "s3"]),
    st.sampled_from(["", "/", "//", "//[", "//youtu.be/", "//youtube.com/watch?v=a&"]),
    texts,
)
seconds = st.none() | st.floats()


@given(uris, st.none() | st.integers(0, 2**31 - 1), seconds)
@example("http://[", 1, None)
@example("http://[::1/x", None, 3.0)
@example("https://youtu.be/a?b=\ud800", None, 3.0)
@example("https://youtu.be/a", None, math.nan)
@example("https://youtu.be/a", None, math.inf)
@example("http://a:b@c:d/", None, 1e308)
def test_a_link_never_fails_and_is_openable(uri: str, page: int | None, at: float | None) -> None:
    link = deep_link(uri, page, at)
    assert link is None or urlsplit(link).scheme in {"http", "https", "file"}


@pytest.mark.parametrize(
    ("uri", "page", "at", "expected"),
    [
        ("file:///a b.pdf", None, None, "file:///a b.pdf"),
        ("file:///a%20b.pdf", 7, None, "file:///a%20b.pdf#page=7"),
        ("https://x.org/a.pdf?v=1#old", 7, None, "https://x.org/a.pdf?v=1#page=7"),
        ("https://x.org/talk.mp4", None, 12.5, "https://x.org/talk.mp4#t=12.5"),
        ("https://x.org/talk.mp4", None, 0.0, "https://x.org/talk.mp4#t=0"),
        ("https://x.org/talk.mp4", None, 7_265.25, "https://x.org/talk.mp4#t=7265.25"),
        ("https://x.org/talk.mp4", None, 1e7, "https://x.org/talk.mp4#t=10000000"),
        ("https://youtu.be/abc", None, 75.9, "https://youtu.be/abc?t=75s"),
        ("upload:abc/report.pdf", 3, None, None),
        ("javascript:alert(1)", None, None, None),
        ("s3://bucket/a.pdf", 3, None, None),
        ("", None, None, None),
    ],
)
def test_links_open_at_page_or_second(
    uri: str, page: int | None, at: float | None, expected: str | None
) -> None:
    assert deep_link(uri, page, at) == expected


def test_a_youtube_link_keeps_its_other_parameters() -> None:
    link = deep_link("https://www.youtube.com/watch?v=abc&list=&t=5s", None, 30.0)
    assert link is not None
    query = parse_qs(urlsplit(link).query, keep_blank_values=True)
    assert query == {"v": ["abc"], "list": [""], "t": ["30s"]}


def row_of(chunk: Chunk) -> dict[str, object]:
    """Return what the corpus gives back of a chunk."""
    row: dict[str, object] = {
        name: getattr(chunk, name) for name in HIT_COLUMNS if hasattr(chunk, name)
    }
    row |= {name: getattr(chunk.locator, name) for name in LOCATOR_COLUMNS}
    offset = len(chunk.indexed_text) - len(chunk.text)
    return row | {"text_offset": offset, "metadata": to_json(chunk.metadata)}


@given(chunks, st.floats(0, 1))
def test_a_hit_gives_back_what_was_stored(chunk: Chunk, score: float) -> None:
    explain = Explanation(fusion="convex")
    hit = make_hit(row_of(chunk), score, explain)
    assert (hit.chunk_id, hit.doc_id, hit.namespace) == (
        chunk.chunk_id,
        chunk.doc_id,
        chunk.namespace,
    )
    assert (hit.text, hit.section_id, hit.score) == (chunk.text, chunk.section_id, score)
    assert hit.payload == chunk.metadata
    assert hit.explain is explain
    source = hit.source
    assert (source.uri, source.title, source.media_type) == (
        chunk.source,
        chunk.title,
        chunk.media_type,
    )
    assert Locator(**{name: getattr(source, name) for name in LOCATOR_COLUMNS}) == chunk.locator
    assert type(hit).model_validate_json(hit.model_dump_json()) == hit


def test_a_persona_is_gathered_from_the_payload() -> None:
    metadata: dict[str, JsonValue] = {
        "persona_id": "p1",
        "persona_label": "Host",
        "persona_name": "",
        "other": 1,
    }
    chunk = Chunk("ns", "d", "c", "text", metadata=metadata)
    assert make_hit(row_of(chunk), 1.0, None).persona == {"id": "p1", "label": "Host"}
    assert make_hit(row_of(Chunk("ns", "d", "c", "text")), 1.0, None).persona is None
