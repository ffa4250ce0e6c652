"""Several replicas over one corpus: a search that names a version sees the write."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower
from retrieval.dense.tiers import Sizes
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.errors import StaleIndexError
from retrieval.pipeline import Searcher
from retrieval.query import Mode, SearchRequest
from retrieval.settings import SearchSettings
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store

PATIENCE = SearchSettings(
    timeout_ms=120_000, embed_timeout_ms=60_000, dense_timeout_ms=60_000, lexical_timeout_ms=60_000
)
WRITES = 24
MODES: tuple[Mode, ...] = ("dense", "lexical", "hybrid")


@pytest.fixture
async def replicas(corpus: Corpus, batching: BatchingEmbedder) -> AsyncIterator[list[Searcher]]:
    """Three, each with an index of its own that is clustered early."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(3):
            follower = DenseFollower(Corpus.open(corpus.uri, corpus.identity), Sizes(exact=20))
            searcher = Searcher(corpus, batching, PATIENCE, follower)
            stack.callback(searcher.close)
            made.append(searcher)
        yield made


async def found(searcher: Searcher, text: str, version: int, mode: Mode) -> set[str]:
    request = SearchRequest(query=text, namespace="ns", min_index_version=version, mode=mode, k=50)
    response = await searcher.search(request)
    assert response.index_version >= version
    assert not response.degraded
    return {hit.chunk_id for hit in response.hits}


@pytest.mark.integration
async def test_every_write_is_seen_by_whichever_replica_answers(
    replicas: list[Searcher], corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    for number in range(WRITES):
        chunks = [make_chunk(f"d{number}-{at}", f"boat word{number} x{at}") for at in range(3)]
        written = await asyncio.to_thread(store, corpus, word_embedder, chunks)
        wanted = {chunk.chunk_id for chunk in chunks}
        mode = MODES[number % 3]
        answers = [found(one, f"word{number} boat", written.version, mode) for one in replicas]
        for answer in await asyncio.gather(*answers):
            assert wanted <= answer
        if number % 3 == 2:
            gone = await asyncio.to_thread(corpus.delete_document, "ns", f"d{number - 1}")
            answers = [found(one, f"word{number - 1}", gone.version, mode) for one in replicas]
            for answer in await asyncio.gather(*answers):
                assert not {name for name in answer if name.startswith(f"d{number - 1}-")}
        if number % 10 == 9:
            await asyncio.to_thread(corpus.optimize)


async def test_what_does_not_come_is_refused_by_every_replica(
    replicas: list[Searcher], corpus: Corpus
) -> None:
    request = SearchRequest(
        query="boat", min_index_version=corpus.version + 1, timeout_ms=100, namespace="ns"
    )
    for searcher in replicas:
        with pytest.raises(StaleIndexError, match="not visible yet"):
            await searcher.search(request)
