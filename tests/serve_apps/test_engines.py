"""A gateway with an engine beside it: whom it asks, and what it tells of it."""

import asyncio
import time

import httpx
import pytest

from retrieval.settings import ElasticsearchSettings
from serve_apps.background import refresh
from serve_apps.services import Services
from serve_apps.settings import AppArgs
from tests.engines.process import any_free_port
from tests.retrieval.lexical.remotes import REMOTES, Remote
from tests.serve_apps.support import Json

ITEM = {"doc_id": "d", "chunk_id": "d-1", "text": "a boat", "namespace": "ns"}


async def stored(client: httpx.AsyncClient) -> int:
    """Store a passage; return the version that shows it."""
    answer = await client.post("/hirag/upsert-batch", json={"items": [ITEM]})
    version: int = answer.json()["index_version"]
    return version


async def asked(client: httpx.AsyncClient, **fields: object) -> Json:
    body = {"query": "boat", "namespace": "ns", "mode": "lexical"} | fields
    answer: Json = (await client.post("/hirag/query", json=body)).json()
    return answer


class TestWithAnEngine:
    """A real Elasticsearch, or a double of Meilisearch."""

    @pytest.fixture(
        params=[
            pytest.param(name, marks=[pytest.mark.integration, pytest.mark.xdist_group(name)])
            for name in REMOTES
        ]
    )
    def remote(self, request: pytest.FixtureRequest) -> Remote:
        return REMOTES[request.param]

    @pytest.fixture
    def settings(
        self, settings: AppArgs, remote: Remote, request: pytest.FixtureRequest
    ) -> AppArgs:
        engine = remote.settings(request.getfixturevalue(remote.fixture), patience_ms=60_000)
        return settings.model_copy(update={"profile": "cluster", remote.name: engine})

    async def test_it_answers_and_is_told_of(
        self, services: Services, client: httpx.AsyncClient, remote: Remote
    ) -> None:
        version = await stored(client)
        answer = await asked(client, min_index_version=version)
        assert [hit["chunk_id"] for hit in answer["hits"]] == ["d-1"]
        deadline = time.monotonic() + 60
        while not services.projections()["lexical"].shows(version):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        answer = await asked(client, min_index_version=version)
        assert [hit["chunk_id"] for hit in answer["hits"]] == ["d-1"]
        assert answer["degraded"] == []
        stats = (await client.get("/hirag/admin/stats")).json()
        assert stats["stages"]["lexical"] == f"on, in {remote.name.title()}"
        assert stats["projections"]["lexical"]["version"] >= version
        assert stats["projections"]["lexical"]["trouble"] is None
        await refresh(services)
        metrics = (await client.get("/metrics")).text
        assert 'pmoves_projection_failing{projection="lexical"} 0.0' in metrics
        assert "pmoves_text_engine_circuit_open 0.0" in metrics


class TestWithoutAnybodyThere:
    """An address where nobody listens."""

    @pytest.fixture
    def settings(self, settings: AppArgs) -> AppArgs:
        address = f"http://127.0.0.1:{any_free_port()}"
        engine = ElasticsearchSettings(hosts=[address], patience_ms=1_000)
        return settings.model_copy(update={"profile": "cluster", "elasticsearch": engine})

    async def test_the_corpus_answers_and_says_so(
        self, services: Services, client: httpx.AsyncClient
    ) -> None:
        version = await stored(client)
        answer = await asked(client, min_index_version=version)
        assert [hit["chunk_id"] for hit in answer["hits"]] == ["d-1"]
        (line,) = answer["degraded"]
        assert line["stage"] == "lexical"
        assert line["reason"].endswith("the corpus's own text index answered")
        stats = (await client.get("/hirag/admin/stats")).json()
        assert "ConnectionError" in stats["projections"]["lexical"]["trouble"]
        await refresh(services)
        metrics = (await client.get("/metrics")).text
        assert 'pmoves_projection_failing{projection="lexical"} 1.0' in metrics
