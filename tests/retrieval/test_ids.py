import uuid
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from retrieval.ids import chunk_id, content_hash, document_id

texts = st.text(max_size=20)
chunk_parts = st.tuples(texts, texts, st.integers(0, 10_000), texts)


def test_ids_are_the_same_on_every_machine_and_for_ever() -> None:
    assert document_id("file:///a.pdf") == "59ff8ee4-3d03-527a-bdc2-0f0efb37c56a"
    assert chunk_id("ns", "d", 0, "text") == "f28c31cd-b2c6-5c65-9764-30b19b72193c"
    digest = "3c9d591045bc8876f9d0399bbfb05c6a412096e906f73278f98406cd5dca86df"
    assert content_hash("a", b"b") == digest


@given(texts, texts)
def test_two_sources_never_share_a_document(one: str, other: str) -> None:
    assert (document_id(one) == document_id(other)) == (one == other)
    assert uuid.UUID(document_id(one)).version == 5


@given(chunk_parts, chunk_parts)
def test_chunk_ids_differ_where_any_part_differs(
    one: tuple[str, str, int, str], other: tuple[str, str, int, str]
) -> None:
    assert (chunk_id(*one) == chunk_id(*other)) == (one == other)


@given(st.lists(texts, min_size=2, max_size=4), st.integers(0, 3))
def test_moving_the_border_between_parts_changes_the_id(parts: list[str], at: int) -> None:
    joined = "".join(parts)
    cuts = sorted({0, min(at, len(joined)), len(joined)})
    for start, end in pairwise(cuts):
        namespace, doc = joined[:start], joined[start:end]
        same = (namespace, doc) == (joined, "")
        assert (chunk_id(namespace, doc, 0, "") == chunk_id(joined, "", 0, "")) == same


@given(texts, texts, st.integers(0, 99), texts)
def test_namespaces_have_chunks_of_their_own(
    namespace: str, doc: str, position: int, content: str
) -> None:
    mine = chunk_id(namespace, doc, position, content)
    assert mine != chunk_id(f"{namespace}2", doc, position, content)
    assert uuid.UUID(mine).version == 5


@given(st.lists(texts, max_size=4), st.lists(texts, max_size=4))
def test_content_hash_frames_its_parts(one: list[str], other: list[str]) -> None:
    assert (content_hash(*one) == content_hash(*other)) == (one == other)


@given(texts)
def test_content_hash_takes_text_as_its_utf8(text: str) -> None:
    assert content_hash(text) == content_hash(text.encode())


def test_content_hash_takes_lone_surrogates() -> None:
    assert content_hash("\ud800") != content_hash("\udfff")
