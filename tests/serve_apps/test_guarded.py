"""A gateway whose embedder does not answer: by words at once, and by meaning again by itself."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

import httpx
import pytest

from retrieval.chunk import Vectors
from retrieval.embedding.base import AsyncEmbedder
from retrieval.pipeline import Searcher
from serve_apps import problems
from serve_apps.api import create_app
from serve_apps.guarded import GuardedEmbedder
from serve_apps.metered import MeteredEmbedder
from serve_apps.services import Services
from tests.serve_apps.support import Json, client_of, found, item, problem, search, upsert


@dataclass
class Switched:
    """An embedder that can be silenced."""

    embedder: AsyncEmbedder
    silent: bool = False

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed, or wait for ever."""
        if self.silent:
            await asyncio.Event().wait()
        return await self.embedder.embed_queries(texts)

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed, or wait for ever."""
        if self.silent:
            await asyncio.Event().wait()
        return await self.embedder.embed_passages(texts)


@pytest.fixture
def switched(services: Services) -> Switched:
    """The embedder of the gateway."""
    return Switched(services.embedder)


@pytest.fixture
async def client(services: Services, switched: Switched) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway with the breaker before its embedder."""
    serve = services.settings.serve.model_copy(
        update={"embedder_patience_ms": 500, "embedder_retry_ms": 50}
    )
    guarded = GuardedEmbedder(switched, serve, services.metrics)
    embedder = MeteredEmbedder(guarded, services.metrics)
    searcher = Searcher(services.corpus, embedder, services.settings.search)
    app = create_app(replace(services, embedder=embedder, searcher=searcher))
    async with client_of(app) as made:
        await upsert(made, item("doc-1", "microphone stands"))
        await search(made, "microphone")
        yield made
    searcher.close()


async def test_searches_are_answered_by_words_and_wait_for_nothing(
    client: httpx.AsyncClient, switched: Switched
) -> None:
    switched.silent = True
    for _ in range(20):
        answer = await search(client, "microphone")
        # And not that it took longer than its time limit.
        assert "the embedder does not answer" in _dense(answer)
        assert found(answer) == ["doc-1"]
    refused = 'pmoves_embedder_errors_total{kind="queries",reason="not_asked"}'
    assert await _metric(client, refused) == 20
    assert await _metric(client, "pmoves_embedder_circuit_open") == 1


async def test_writes_and_searches_by_meaning_are_refused_cleanly(
    client: httpx.AsyncClient, switched: Switched
) -> None:
    switched.silent = True
    await search(client, "microphone")
    body = {"items": [item("doc-2", "new")]}
    for answer, words in (
        (
            await client.post("/hirag/upsert-batch", json=body),
            "The embedder does not answer now, and nothing was stored. Try again later; ",
        ),
        (
            await client.post("/hirag/query", json={"query": "x", "mode": "dense"}),
            "No stage of the search could answer. Try again later; ",
        ),
    ):
        assert problem(answer, problems.UNAVAILABLE)["detail"].startswith(words)
        assert answer.headers["retry-after"] == "1"
    assert found(await search(client, "new")) == []
    ready = await client.get("/readyz")
    assert [part["name"] for part in ready.json()["parts"] if not part["ok"]] == ["embedder"]


async def test_meaning_comes_back_by_itself(client: httpx.AsyncClient, switched: Switched) -> None:
    switched.silent = True
    await search(client, "microphone")
    switched.silent = False
    async with asyncio.timeout(60):
        while (await search(client, "microphone"))["degraded"]:
            await asyncio.sleep(0.01)
    assert await _metric(client, "pmoves_embedder_circuit_open") == 0
    assert (await upsert(client, item("doc-2", "new")))["upserted"] == 1


def _dense(answer: Json) -> str:
    (part,) = answer["degraded"]
    assert part["stage"] == "dense"
    return str(part["reason"])


async def _metric(client: httpx.AsyncClient, series: str) -> float:
    lines = (await client.get("/metrics")).text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{series} "))
