from datetime import UTC

from hypothesis import given

from retrieval.chunk import Chunk, Document, utc_now
from tests.retrieval.strategies import chunks


@given(chunks)
def test_the_indexed_text_is_the_context_and_then_the_text(chunk: Chunk) -> None:
    assert chunk.indexed_text.endswith(chunk.text)
    assert chunk.indexed_text.startswith(chunk.context)
    between = 1 if chunk.context else 0
    assert len(chunk.indexed_text) == len(chunk.context) + between + len(chunk.text)


def test_times_know_their_zone() -> None:
    assert utc_now().tzinfo is UTC
    assert Document("ns", "d", "s", "ready").created_at.tzinfo is UTC
