import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.chunk import Chunk
from retrieval.corpus.changes import DocumentKey, document_key, find_changes
from retrieval.corpus.schema import chunk_hash
from tests.retrieval.building import make_chunk

drafts = st.lists(
    st.builds(
        lambda doc, number, text: make_chunk(f"{doc}-{number}", text),
        st.sampled_from(["d1", "d2"]),
        st.integers(0, 3),
        st.sampled_from(["x", "y"]),
    ),
    max_size=5,
    unique_by=lambda chunk: chunk.chunk_id,
)
keys = st.sets(st.sampled_from([("ns", "d1"), ("ns", "d2"), ("ns", "d3")]))


def stored_state(
    stored: list[Chunk],
) -> tuple[dict[tuple[str, str], str], dict[DocumentKey, set[str]]]:
    hashes = {(chunk.namespace, chunk.chunk_id): chunk_hash(chunk) for chunk in stored}
    documents: dict[DocumentKey, set[str]] = {}
    for chunk in stored:
        documents.setdefault(document_key(chunk), set()).add(chunk.chunk_id)
    return hashes, documents


@pytest.mark.integration
@given(drafts, drafts, keys)
def test_a_replaced_document_is_written_whole_or_not_at_all(
    stored: list[Chunk], chunks: list[Chunk], replaced: set[DocumentKey]
) -> None:
    changes = find_changes(chunks, replaced, *stored_state(stored))
    written = [chunks[at] for at in changes.rows]
    for key in replaced:
        before = {one.chunk_id: one for one in stored if document_key(one) == key}
        after = {one.chunk_id: one for one in chunks if document_key(one) == key}
        assert (key in changes.replaced) == (before != after)
        mine = [one for one in written if document_key(one) == key]
        assert mine == (list(after.values()) if before != after else [])
    assert changes.replaced <= replaced
    assert changes.changed == sum(one not in stored for one in chunks)


@given(drafts, drafts)
def test_merged_chunks_are_written_where_they_differ(
    stored: list[Chunk], chunks: list[Chunk]
) -> None:
    changes = find_changes(chunks, (), *stored_state(stored))
    assert [chunks[at] for at in changes.rows] == [one for one in chunks if one not in stored]
    assert not changes.replaced
