"""A gateway whose embedder does not answer: by words at once, and by meaning again by itself."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest

from retrieval.chunk import Vectors
from retrieval.embedding.base import AsyncEmbedder
from retrieval.pipeline import Searcher
from serve_apps import problems, readiness
from serve_apps.api import create_app
from serve_apps.guarded import GuardedEmbedder
from serve_apps.metered import MeteredEmbedder
from serve_apps.questions import OwnQuestions
from serve_apps.services import Services
from tests.serve_apps.support import Json, client_of, found, item, problem, search, upsert


@dataclass
class Switched:
    """An embedder that can be silenced."""

    embedder: AsyncEmbedder
    silent: bool = False
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Answer from now on, also what waits."""
        self.silent = False
        self._woken.set()

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed, or wait until it is woken."""
        if self.silent:
            await self._woken.wait()
        return await self.embedder.embed_queries(texts)

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed, or wait until it is woken."""
        if self.silent:
            await self._woken.wait()
        return await self.embedder.embed_passages(texts)


@pytest.fixture
def switched(services: Services) -> Switched:
    """The embedder of the gateway."""
    return Switched(services.embedder)


@asynccontextmanager
async def gateway(
    services: Services, switched: Switched, own: AsyncEmbedder | None = None, **serve: float
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway with the breaker before its embedder; `own` embeds questions."""
    timing = {"embedder_patience_ms": 500, "embedder_retry_ms": 50} | serve
    settings = services.settings.model_copy(
        update={"serve": services.settings.serve.model_copy(update=timing)}
    )
    guarded = GuardedEmbedder(switched, settings.serve, services.metrics, own is not None)
    joined = OwnQuestions(own, guarded) if own else guarded
    embedder = MeteredEmbedder(joined, services.metrics)
    searcher = Searcher(services.corpus, embedder, settings.search)
    parts: dict[str, Any] = {"settings": settings, "embedder": embedder, "searcher": searcher}
    parts["deployed_embedder"] = guarded
    if settings.serve.embedder_replicas == 0:
        parts["embedder_absent_s"] = guarded.absent_s
    async with client_of(create_app(replace(services, **parts))) as made:
        await upsert(made, item("doc-1", "microphone stands"))
        await search(made, "microphone")
        yield made
    searcher.close()


@pytest.fixture
async def client(services: Services, switched: Switched) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway whose embedder never rests."""
    async with gateway(services, switched) as made:
        yield made


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


async def test_readiness_leaves_an_embedder_that_rests_alone(
    services: Services, switched: Switched
) -> None:
    async with gateway(services, switched, embedder_replicas=0) as client:
        switched.silent = True
        ready = await client.get("/readyz")
        assert ready.status_code == 200
        assert _embedder(ready) == "starts when it is asked"
        await search(client, "microphone")
        ready = await client.get("/readyz")
        assert ready.status_code == 200
        assert await _metric(client, "pmoves_embedder_circuit_open") == 1


async def test_writes_wait_for_an_embedder_that_starts(
    services: Services, switched: Switched
) -> None:
    async with gateway(services, switched, embedder_replicas=0) as client:
        switched.silent = True
        # Searches know by now that it is not there.
        assert "the embedder does not answer" in _dense(await search(client, "microphone"))
        write = asyncio.create_task(upsert(client, item("doc-2", "new")))
        await asyncio.sleep(0.2)
        assert not write.done()
        switched.wake()
        assert (await write)["upserted"] == 1


async def test_an_embedder_that_does_not_start_is_said(
    services: Services, switched: Switched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "_GOOD_FOR", 0.0)
    async with gateway(services, switched, embedder_replicas=0, embedder_start_s=0.05) as client:
        switched.silent = True
        await search(client, "microphone")
        async with asyncio.timeout(60):
            while (ready := await client.get("/readyz")).status_code == 200:
                await asyncio.sleep(0.01)
        assert "PMOVES_SERVE__EMBEDDER_START_S is 0.05" in _embedder(ready)
        answer = await client.post("/hirag/upsert-batch", json={"items": [item("doc-2", "new")]})
        problem(answer, problems.UNAVAILABLE)
        assert answer.headers["retry-after"] == "1"


async def test_a_write_that_nobody_embeds_in_time_is_refused_cleanly(
    services: Services, switched: Switched
) -> None:
    async with gateway(services, switched, embedder_replicas=0, embedder_start_s=0.05) as client:
        switched.silent = True
        answer = await client.post("/hirag/upsert-batch", json={"items": [item("doc-2", "new")]})
        assert "nothing was stored" in problem(answer, problems.UNAVAILABLE)["detail"]
        assert answer.headers["retry-after"] == "1"


async def test_a_gateway_that_embeds_questions_misses_the_embedder_for_writes_alone(
    services: Services, switched: Switched
) -> None:
    async with gateway(services, switched, own=services.embedder) as client:
        switched.silent = True
        # Nobody asks it questions: a write that takes long is what tells of it.
        write = asyncio.create_task(upsert(client, item("doc-2", "new")))
        async with asyncio.timeout(60):
            while not await _metric(client, "pmoves_embedder_circuit_open"):
                await asyncio.sleep(0.01)
        answer = await client.post("/hirag/upsert-batch", json={"items": [item("doc-3", "new")]})
        assert "nothing was stored" in problem(answer, problems.UNAVAILABLE)["detail"]
        answer = await client.post("/hirag/query", json={"query": "microphone", "mode": "dense"})
        assert (found(answer.json()), answer.json()["degraded"]) == (["doc-1"], [])
        ready = await client.get("/readyz")
        assert [part["name"] for part in ready.json()["parts"] if not part["ok"]] == ["embedder"]
        switched.wake()
        assert (await write)["upserted"] == 1


def _embedder(ready: httpx.Response) -> str:
    (detail,) = (part["detail"] for part in ready.json()["parts"] if part["name"] == "embedder")
    return str(detail).split(", ", 1)[-1]


def _dense(answer: Json) -> str:
    (part,) = answer["degraded"]
    assert part["stage"] == "dense"
    return str(part["reason"])


async def _metric(client: httpx.AsyncClient, series: str) -> float:
    lines = (await client.get("/metrics")).text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{series} "))
