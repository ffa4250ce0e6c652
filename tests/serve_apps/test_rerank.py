"""A gateway with a reranker: what it tells of it, and what happens when it does not answer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

import httpx
import numpy as np
import pytest
from ray import serve

from retrieval.errors import OverloadedError, StageError
from retrieval.pipeline import Searcher
from retrieval.rerank.base import RerankerState, Scores
from serve_apps import problems
from serve_apps.api import create_app
from serve_apps.app import build
from serve_apps.metrics import Metrics
from serve_apps.reranking import make_reranking, stage_over
from serve_apps.services import Services
from serve_apps.settings import AppArgs
from tests.serve_apps.support import Json, client_of, found, item, problem, search, upsert

PASSAGES = [item(f"doc-{at}", f"microphone {at}") for at in range(6)]
LABEL = "/hirag/admin/reranker/model/label"
STATUS = "/hirag/admin/rerank-status"


@dataclass
class Switched:
    """A reranker that prefers high numbers, and can be silenced or made to fail."""

    silent: bool = False
    absent: bool = False
    failure: Exception | None = None
    calls: int = 0
    per_call: int = 4

    async def score(self, query: str, passages: Sequence[str]) -> Scores:
        """Score, wait for ever, or fail."""
        self.calls += 1
        if self.silent:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        numbers = [text.split()[-1] for text in passages]
        scores = [int(number) / 10 if number.isdigit() else 0 for number in numbers]
        return np.array(scores, dtype=np.float32)

    async def state(self) -> RerankerState:
        """Say what it is."""
        if self.absent:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        return RerankerState(
            provider="cross-encoder", model="m", resolved="/models/m", device="cpu", loaded=True
        )


@pytest.fixture
def switched() -> Switched:
    """The reranker of the gateway."""
    return Switched()


@pytest.fixture
def settings(settings: AppArgs) -> AppArgs:
    """Settings with an impatient reranker."""
    rerank = settings.rerank.model_copy(
        update={"enabled": True, "model": "m", "timeout_ms": 60_000, "fusion": "wsum", "topn": 20}
    )
    serve = settings.serve.model_copy(update={"reranker_patience_ms": 500, "reranker_retry_ms": 50})
    return settings.model_copy(update={"rerank": rerank, "serve": serve})


@pytest.fixture
async def client(
    services: Services, settings: AppArgs, switched: Switched
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway with a reranker behind its breaker."""
    stage = stage_over(switched, settings, services.metrics)
    searcher = Searcher(services.corpus, services.embedder, settings.search, reranking=stage)
    async with client_of(create_app(replace(services, searcher=searcher))) as made:
        await upsert(made, *PASSAGES)
        yield made
    searcher.close()


async def metric(client: httpx.AsyncClient, name: str) -> float:
    """Return the value of a series."""
    lines = (await client.get("/metrics")).text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[-1])


async def ask(client: httpx.AsyncClient, **fields: object) -> Json:
    """Return the answer for `microphone`."""
    return await search(client, "microphone", **fields)


async def test_the_answer_says_who_reranked_it(client: httpx.AsyncClient) -> None:
    answer = await ask(client)
    assert found(answer) == [f"doc-{at}" for at in (5, 4, 3, 2, 1, 0)]
    assert (answer["used_rerank"], answer["rerank_provider"]) == (True, "cross-encoder")
    assert [round(hit["rerank_score"], 3) for hit in answer["hits"]] == [0.5, 0.4, 0.3, 0.2, 0.1, 0]
    assert answer["timings_ms"]["rerank"] >= 0
    assert (await ask(client, use_rerank=False))["used_rerank"] is False
    assert len((await ask(client, rerank_k=2))["hits"]) == 2
    bad = await client.post("/hirag/query", json={"query": "x", "rerank_k": 9, "rerank_topn": 8})
    problem(bad, problems.INVALID_REQUEST)
    assert "raise rerank_topn" in bad.text


async def test_metrics_tell_where_scores_come_from(client: httpx.AsyncClient) -> None:
    await ask(client)
    await ask(client)
    assert await metric(client, 'pmoves_rerank_passages_total{source="model"}') == 6
    assert await metric(client, 'pmoves_rerank_passages_total{source="cache"}') == 6
    assert await metric(client, "pmoves_reranker_seconds_count") == 2
    assert await metric(client, "pmoves_reranker_waiting_passages") == 0


async def test_clearing_the_caches_forgets_scores(
    client: httpx.AsyncClient, switched: Switched
) -> None:
    await ask(client)
    calls = switched.calls
    assert (await client.post("/hirag/admin/cache/clear")).json()["ok"]
    await ask(client)
    assert switched.calls == 2 * calls


async def test_a_silent_reranker_is_not_waited_for(
    client: httpx.AsyncClient, switched: Switched
) -> None:
    before = await ask(client, use_rerank=False)
    switched.silent = True
    for _ in range(3):
        answer = await ask(client)
        (said,) = answer["degraded"]
        assert "the reranker does not answer" in said["reason"]
        assert (found(answer), answer["used_rerank"]) == (found(before), False)
    assert await metric(client, "pmoves_reranker_circuit_open") == 1
    name = 'pmoves_search_degraded_total{reason="failed",stage="rerank"}'
    assert await metric(client, name) == 3
    switched.silent = False
    async with asyncio.timeout(30):
        while not (await ask(client))["used_rerank"]:
            await asyncio.sleep(0.02)


async def test_a_full_reranker_leaves_the_order_and_is_counted(
    client: httpx.AsyncClient, switched: Switched
) -> None:
    switched.failure = OverloadedError("9 pairs are waiting to be reranked; try again later")
    answer = await ask(client)
    assert "9 pairs are waiting" in answer["degraded"][0]["reason"]
    assert await metric(client, 'pmoves_reranker_errors_total{reason="overloaded"}') == 2


PREDECESSOR_FIELDS = {
    *("enabled", "model", "model_resolved", "model_label", "model_path", "provider", "topn", "k"),
    *("fusion", "device", "cuda_available", "use_fp16_requested", "use_fp16_effective", "loaded"),
    *("errors", "warnings", "model_report"),
}


async def test_the_status_has_the_predecessors_fields(
    client: httpx.AsyncClient, settings: AppArgs
) -> None:
    status = (await client.get(STATUS)).json()
    assert set(status) == PREDECESSOR_FIELDS
    assert status["enabled"] is status["loaded"] is True
    assert (status["model"], status["model_resolved"], status["device"]) == (
        "m",
        "/models/m",
        "cpu",
    )
    assert (status["topn"], status["k"], status["fusion"]) == (20, 0, "wsum")
    assert (status["errors"], status["warnings"]) == ([], [])
    settings.rerank.k = 21
    told = (await client.get(STATUS)).json()
    settings.rerank.k = 0
    assert told["k"] == 20
    assert "21 hits cannot come out" in told["warnings"][0]
    stats = (await client.get("/hirag/admin/stats")).json()
    assert (stats["stages"]["rerank"], stats["rerank_enabled"], stats["rerank_model"]) == (
        "on",
        True,
        "m",
    )


async def test_the_status_says_why_nothing_is_loaded(
    client: httpx.AsyncClient, switched: Switched
) -> None:
    switched.failure = StageError("the reranker does not answer: RayActorError")
    status = (await client.get(STATUS)).json()
    assert (status["loaded"], status["errors"]) == (
        False,
        ["the reranker does not answer: RayActorError"],
    )


async def test_the_label_changes_the_reported_name_only(client: httpx.AsyncClient) -> None:
    answer = await client.post(LABEL, json={"label": " Qwen on the big box "})
    assert answer.json()["model_report"] == "Qwen on the big box"
    status = (await client.get(STATUS)).json()
    assert (status["model"], status["model_label"]) == ("m", "Qwen on the big box")
    assert (await client.post(LABEL, json={"label": ""})).json()["model_report"] == "m"
    problem(await client.post(LABEL, json={"lable": "x"}), problems.INVALID_REQUEST)


async def test_without_a_reranker_the_status_says_off(services: Services) -> None:
    async with client_of(create_app(services)) as client:
        status = (await client.get(STATUS)).json()
        assert set(status) == PREDECESSOR_FIELDS
        assert status["loaded"] is False
        problem(await client.post(LABEL, json={"label": "x"}), problems.NOT_FOUND)


@pytest.mark.parametrize(
    ("changed", "deployed"),
    [({}, True), ({"enabled": False}, False), ({"provider": "tei", "url": "http://a.test"}, False)],
)
def test_only_models_of_our_own_have_a_deployment(
    settings: AppArgs, changed: Json, deployed: bool
) -> None:
    rerank = settings.rerank.model_copy(update=changed)
    app = build(settings.model_copy(update={"rerank": rerank}))
    names = [
        argument._bound_deployment.name
        for argument in app._bound_deployment.init_args
        if isinstance(argument, serve.Application)
    ]
    assert names == (["embedder", "reranker"] if deployed else ["embedder"])


def test_servers_are_asked_by_the_gateway_itself(settings: AppArgs) -> None:
    remote = settings.rerank.model_copy(update={"provider": "tei", "url": "http://a.test"})
    stage = make_reranking(settings.model_copy(update={"rerank": remote}), None, Metrics())
    assert stage is not None
    assert stage.reranker.per_call == 32
    off = settings.rerank.model_copy(update={"enabled": False})
    assert make_reranking(settings.model_copy(update={"rerank": off}), None, Metrics()) is None


async def test_the_status_of_one_that_rests_says_whether_it_comes(
    services: Services, settings: AppArgs, switched: Switched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serve_apps.guarded._STATE_S", 0.05)
    resting = settings.serve.model_copy(
        update={"reranker_replicas": 0, "reranker_patience_ms": 50, "reranker_start_s": 0.2}
    )
    settings = settings.model_copy(update={"serve": resting})
    stage = stage_over(switched, settings, services.metrics)
    searcher = Searcher(services.corpus, services.embedder, settings.search, reranking=stage)
    switched.silent = switched.absent = True
    async with client_of(create_app(replace(services, searcher=searcher))) as client:
        assert await errors(client) == ["the reranker is being started"]
        async with asyncio.timeout(30):
            while "PMOVES_SERVE__RERANKER_START_S is 0.2" not in (await errors(client))[0]:
                await asyncio.sleep(0.05)
        switched.silent = switched.absent = False
        assert await errors(client) == []
    searcher.close()


async def errors(client: httpx.AsyncClient) -> list[str]:
    """Return what the status complains of."""
    told: list[str] = (await client.get(STATUS)).json()["errors"]
    return told
