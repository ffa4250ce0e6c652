"""A side that fails or is late leaves the answer to the other one, and is named."""

import asyncio
from collections.abc import Sequence

import pytest

from retrieval.chunk import Vectors
from retrieval.corpus.store import Corpus
from retrieval.dense.snapshot import Snapshot
from retrieval.errors import OverloadedError, StageError
from retrieval.pipeline import Searcher
from retrieval.settings import SearchSettings
from tests.retrieval.asking import ask, ids


class AwkwardEmbedder:
    """An embedder that is late, or fails, whenever it is asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Fail, or sleep until the caller gives up."""
        if self._error is None:
            await asyncio.sleep(60)
        raise self._error or AssertionError("nobody waits for that long")

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Do the same as for queries."""
        return await self.embed_queries(texts)


def searcher_with(corpus: Corpus, embedder: AwkwardEmbedder, **fields: int) -> Searcher:
    patience = {"timeout_ms": 60_000, "lexical_timeout_ms": 60_000}
    return Searcher(corpus, embedder, SearchSettings.model_validate(patience | fields))


async def test_without_an_embedder_the_words_answer(library: Corpus) -> None:
    searcher = searcher_with(library, AwkwardEmbedder(OverloadedError("9 texts are waiting")))
    response = await ask(searcher, "boat", explain=True)
    assert set(ids(response)) == {"sail-1", "rope-1"}
    ((stage, reason),) = [(part.stage, part.reason) for part in response.degraded]
    assert (stage, reason) == ("dense", "failed: OverloadedError: 9 texts are waiting")
    assert response.hits[0].explain is not None
    assert response.hits[0].explain.dense is None
    searcher.close()


async def test_a_late_embedder_is_not_waited_for(library: Corpus) -> None:
    searcher = searcher_with(library, AwkwardEmbedder(), embed_timeout_ms=50)
    response = await ask(searcher, "boat")
    assert set(ids(response)) == {"sail-1", "rope-1"}
    (part,) = response.degraded
    assert (part.stage, part.reason) == ("dense", "took longer than its time limit")
    searcher.close()


async def test_the_time_of_the_request_bounds_every_stage(library: Corpus) -> None:
    searcher = searcher_with(library, AwkwardEmbedder())
    await searcher.refresh()
    response = await ask(searcher, "boat", timeout_ms=1_000)
    assert [part.stage for part in response.degraded] == ["dense"]
    searcher.close()


@pytest.fixture
def broken_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every text search fail."""

    def fail(*_arguments: object) -> None:
        raise OSError("the text index is damaged")

    monkeypatch.setattr("retrieval.retrievers.search_text", fail)


@pytest.mark.usefixtures("broken_words")
async def test_without_the_words_the_vectors_answer(library: Corpus, searcher: Searcher) -> None:
    response = await ask(searcher, "boat", explain=True)
    assert len(ids(response)) == 5
    (part,) = response.degraded
    assert (part.stage, part.reason) == ("lexical", "failed: OSError: the text index is damaged")
    assert response.hits[0].explain is not None
    assert response.hits[0].explain.lexical is None


async def test_a_failing_vector_search_leaves_the_words(
    library: Corpus, searcher: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise MemoryError("no memory")

    monkeypatch.setattr(Snapshot, "search", fail)
    response = await ask(searcher, "boat")
    assert set(ids(response)) == {"sail-1", "rope-1"}
    assert [part.stage for part in response.degraded] == ["dense"]


@pytest.mark.usefixtures("broken_words")
async def test_when_both_sides_fail_the_error_names_both(library: Corpus) -> None:
    searcher = searcher_with(library, AwkwardEmbedder(RuntimeError("no model")))
    with pytest.raises(StageError) as failed:
        await ask(searcher, "boat")
    message = str(failed.value)
    assert "dense: failed: RuntimeError: no model" in message
    assert "lexical: failed: OSError: the text index is damaged" in message
    with pytest.raises(StageError, match="no side could answer"):
        await ask(searcher, "boat", mode="lexical")
    with pytest.raises(StageError, match="no model"):
        await ask(searcher, "boat", mode="dense")
    searcher.close()


async def test_passages_that_cannot_be_read_are_a_failed_stage(
    library: Corpus, searcher: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError("Not found: 1.lance")

    monkeypatch.setattr("retrieval.ranking.Ranking.hits", fail)
    with pytest.raises(StageError, match=r"hydrate: .* cannot be read \(Not found: 1\.lance\)"):
        await ask(searcher, "boat")
