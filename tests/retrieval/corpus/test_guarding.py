"""A store that does not answer: searches are told at once, and answered again by themselves."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest

from retrieval.circuit import CircuitOpenError
from retrieval.corpus.guarding import guard_store
from retrieval.corpus.store import Corpus
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.errors import StageError
from retrieval.object_store import configure
from retrieval.pipeline import Searcher
from retrieval.query import SearchRequest, SearchResponse
from retrieval.settings import S3Settings, SearchSettings
from tests.embedders import WordEmbedder
from tests.engines.proxy import Proxy, proxy
from tests.engines.seaweedfs import ObjectStore
from tests.retrieval.building import make_chunk, store

pytestmark = pytest.mark.integration

# Searches that have to wait for the store end long before it would give up.
_SEARCH = SearchSettings(timeout_ms=60_000)


@pytest.fixture
def between(object_store: ObjectStore) -> Iterator[Proxy]:
    """A proxy before the shared store, which this process speaks to."""
    server = urlsplit(object_store.endpoint)
    with proxy(server.hostname or "", server.port or 80) as made:
        yield made
        made.heal()
    configure(S3Settings())


@pytest.fixture
def s3(object_store: ObjectStore, between: Proxy) -> S3Settings:
    """Settings that lead through the proxy, and to many tries."""
    settings = S3Settings.model_validate(
        {
            "endpoint": between.url,
            "access_key_id": object_store.access_key,
            "secret_access_key": object_store.secret_key,
            "timeout_s": 5,
            "patience_ms": 1_000,
            "retry_ms": 50,
        }
    )
    configure(settings)
    return settings


@pytest.fixture
def told() -> list[bool]:
    """What the guard told of the store."""
    return []


@pytest.fixture
async def searcher(
    object_store: ObjectStore, s3: S3Settings, word_embedder: WordEmbedder, told: list[bool]
) -> AsyncIterator[Searcher]:
    """What searches a corpus in the store."""
    corpus = Corpus.open(f"s3://{object_store.new_bucket()}/corpus", word_embedder.identity)
    store(corpus, word_embedder, [make_chunk("a-1", "boat"), make_chunk("b-1", "another boat")])
    embedder = BatchingEmbedder(word_embedder)
    guard = guard_store(corpus.chunks_uri, s3, told.append)
    made = Searcher(corpus, embedder, _SEARCH, guard=guard)
    # What was found is remembered, and then found without the store.
    assert len((await ask(made, k=1)).hits) == 1
    yield made
    made.close()
    embedder.close()


async def ask(searcher: Searcher, k: int = 10) -> SearchResponse:
    return await searcher.search(SearchRequest(query="boat", namespace="ns", k=k))


async def answered(searcher: Searcher) -> SearchResponse:
    """Return the first answer; a call that was cut off before may give the store up once more."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await ask(searcher)
            except CircuitOpenError:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("fault", ["silent", "refused"])
async def test_searches_are_refused_at_once_and_answered_again(
    searcher: Searcher, between: Proxy, told: list[bool], fault: str
) -> None:
    between.always("silent" if fault == "silent" else "refused")
    with pytest.raises(StageError):
        await ask(searcher)
    async with asyncio.timeout(60):
        while not told:
            await asyncio.sleep(0.01)
    for _ in range(20):
        with pytest.raises(CircuitOpenError, match="the object store does not answer"):
            await ask(searcher)
    between.heal()
    assert len((await answered(searcher)).hits) == 2
    assert not told[-1]


def test_a_corpus_on_disk_needs_no_guard(word_embedder: WordEmbedder) -> None:
    assert guard_store("/a folder/chunks.lance", S3Settings(), lambda _: None) is None
