"""`POST /hirag/answer` over a server that speaks OpenAI's protocol."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from retrieval.llm.client import HttpChat
from retrieval.llm.settings import LlmSettings
from serve_apps import problems
from serve_apps.answering import Answering, make_answering
from serve_apps.api import create_app
from serve_apps.metrics import Metrics
from serve_apps.problems import CATALOGUE
from serve_apps.services import Services
from serve_apps.settings import AppArgs
from tests.openai_server import OpenAiServer
from tests.serve_apps.support import Json, client_of, item, problem, upsert

TEA = [item("tea-1", "Green tea wants water of 80 degrees."), item("harp-1", "A harp has strings.")]


def draft(*sentences: tuple[str, list[int]]) -> str:
    """Return what a model says for `sentences`."""
    return json.dumps({"sentences": [{"text": t, "passages": p} for t, p in sentences]})


@pytest.fixture
def server() -> OpenAiServer:
    """A language model that knows about tea, and invents something."""
    return OpenAiServer(reply=lambda _: draft(("80 degrees.", [1]), ("I made it up.", [77])))


@pytest.fixture
def settings(settings: AppArgs) -> AppArgs:
    """Settings of a mesh with an impatient language model."""
    llm = LlmSettings(
        provider="tensorzero", url="http://llm.test", model="m", retries=0, tokens_per_hour=5_000
    )
    serve = settings.serve.model_copy(update={"llm_patience_ms": 500, "llm_retry_ms": 50})
    return settings.model_copy(update={"llm": llm, "serve": serve})


@pytest.fixture
async def client(
    services: Services, settings: AppArgs, server: OpenAiServer
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway with a language model, and two passages."""
    answering = Answering(HttpChat(settings.llm, server.transport()), settings, services.metrics)
    async with client_of(create_app(replace(services, answering=answering))) as made:
        await upsert(made, *TEA)
        yield made


async def ask(client: httpx.AsyncClient, **fields: Any) -> Json:
    """Return the answer about tea."""
    answer = await client.post("/hirag/answer", json={"query": "how hot for green tea", **fields})
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


async def listen(client: httpx.AsyncClient, **fields: Any) -> list[tuple[str, Json]]:
    """Return the events of a streamed answer."""
    body = {"query": "how hot for green tea", "stream": True, **fields}
    answer = await client.post("/hirag/answer", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream"), answer.text
    events = [event.split("\n") for event in answer.text.split("\n\n") if event]
    return [
        (name.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for name, data in events
    ]


async def metric(client: httpx.AsyncClient, name: str) -> float:
    """Return the value of a series."""
    lines = (await client.get("/metrics")).text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[-1])


async def test_an_answer_cites_what_was_found(
    client: httpx.AsyncClient, server: OpenAiServer
) -> None:
    answer = await ask(client, k=2)
    assert (answer["known"], answer["answer"], answer["dropped"]) == (True, "80 degrees.", 1)
    (sentence,) = answer["sentences"]
    assert [cited["chunk_id"] for cited in sentence["citations"]] == ["tea-1"]
    assert [hit["chunk_id"] for hit in answer["hits"]] == ["tea-1", "harp-1"]
    assert "made it up" not in json.dumps(answer)
    (call, _again) = server.calls
    assert call.body["tensorzero::tags"] == {"pmoves_namespace": "pmoves", "pmoves_kind": "answer"}
    assert call.headers["x-request-id"] == answer["request_id"]
    assert answer["llm"]["episode_id"] == "episode-1"
    assert answer["llm"]["prompt_tokens"] > 0


async def test_the_fields_of_a_query_narrow_what_is_read(client: httpx.AsyncClient) -> None:
    assert (await ask(client, filters={"doc_id": "harp"}, k=1))["hits"][0]["doc_id"] == "harp"
    nothing = await ask(client, namespace="empty")
    assert (nothing["known"], nothing["hits"], nothing["llm"]["tries"]) == (False, [], 0)
    bad = await client.post("/hirag/answer", json={"query": "x", "kk": 1, "stream": "yes"})
    assert {each["field"] for each in problem(bad, problems.INVALID_REQUEST)["errors"]} == {
        "kk",
        "stream",
    }


async def test_a_streamed_answer_tells_its_sentences_one_by_one(client: httpx.AsyncClient) -> None:
    events = await listen(client, k=2)
    assert [name for name, _ in events] == ["passages", "sentence", "answer"]
    assert [hit["chunk_id"] for hit in events[0][1]["hits"]] == ["tea-1", "harp-1"]
    assert events[1][1]["text"] == "80 degrees."
    assert (events[2][1]["dropped"], events[2][1]["answer"]) == (1, "80 degrees.")
    assert await metric(client, "pmoves_answer_sentences_dropped_total") == 1


async def test_a_question_asked_again_costs_nothing(
    client: httpx.AsyncClient, server: OpenAiServer
) -> None:
    server.reply = lambda _: draft(("80 degrees.", [1]))
    first, again = await ask(client), await ask(client)
    assert (first["llm"]["cached"], again["llm"]["cached"]) == (False, True)
    assert (again["sentences"], again["llm"]["prompt_tokens"]) == (first["sentences"], 0)
    assert await metric(client, "pmoves_llm_cached_total") == 1
    assert await metric(client, 'pmoves_llm_tokens_total{direction="sent"}') > 100
    assert (await client.post("/hirag/admin/cache/clear")).json()["ok"]
    assert (await ask(client))["llm"]["cached"] is False
    assert len(server.calls) == 2
    assert await metric(client, 'pmoves_answers_total{outcome="answered"}') == 3


async def test_a_model_that_talks_nonsense_is_a_problem(
    client: httpx.AsyncClient, server: OpenAiServer
) -> None:
    server.reply = lambda _: "Ignore the passages!"
    told = problem(await client.post("/hirag/answer", json={"query": "tea"}), problems.UNAVAILABLE)
    assert told["detail"].startswith("The language model gave no answer.")
    name, body = (await listen(client))[-1]
    assert (name, body["type"]) == ("problem", problems.UNAVAILABLE.uri)
    assert body["request_id"]
    assert await metric(client, 'pmoves_answers_total{outcome="failed"}') == 2


async def test_a_spent_budget_says_when(client: httpx.AsyncClient, server: OpenAiServer) -> None:
    server.reply = lambda _: draft(("tea " * 5_000, [1]))
    assert (await ask(client))["known"]
    answer = await client.post("/hirag/answer", json={"query": "harp"})
    assert "5000 tokens of llm.tokens_per_hour" in problem(answer, problems.OVERLOADED)["detail"]
    assert answer.headers["retry-after"]
    name = 'pmoves_llm_errors_total{reason="overloaded"}'
    assert await metric(client, name) == 1


async def test_a_silent_model_is_not_asked(client: httpx.AsyncClient, server: OpenAiServer) -> None:
    def silent(_: object) -> httpx.Response:
        raise httpx.ConnectError("refused")

    reply, server.reply = server.reply, silent
    async with asyncio.timeout(30):
        while not await metric(client, "pmoves_llm_circuit_open"):
            refused = await client.post("/hirag/answer", json={"query": "green tea"})
            problem(refused, problems.UNAVAILABLE)
            await asyncio.sleep(0.02)
        assert (await listen(client))[-1][0] == "problem"
        assert await metric(client, 'pmoves_llm_errors_total{reason="not_asked"}') >= 1
        server.reply = reply
        while await metric(client, "pmoves_llm_circuit_open"):
            await asyncio.sleep(0.02)
    assert (await ask(client))["known"]


async def test_without_a_language_model_it_says_how_to_turn_it_on(services: Services) -> None:
    async with client_of(create_app(services)) as client:
        answer = await client.post("/hirag/answer", json={"query": "tea", "stream": True})
        told = problem(answer, problems.NOT_CONFIGURED)
        assert "PMOVES_LLM__PROVIDER" in told["detail"]
        assert CATALOGUE[told["type"]].status == 501
        stats = (await client.get("/hirag/admin/stats")).json()
        assert stats["stages"]["answer"] == "not configured"
        assert stats["settings"]["embedding"]["tokenizer"] == "packaged"
        assert stats["settings"]["llm"]["tokens_per_hour"] == 5_000


async def test_the_settings_decide_whether_there_is_one(settings: AppArgs) -> None:
    answering = make_answering(settings, Metrics())
    assert answering is not None
    await answering.close()
    off = settings.model_copy(update={"llm": LlmSettings()})
    assert make_answering(off, Metrics()) is None
