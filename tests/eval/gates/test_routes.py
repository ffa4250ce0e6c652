"""The gate over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from eval.gates.answers import Answer
from eval.gates.contracts import FAILED, PUBLISHED
from eval.gates.gate import PersonaGate
from eval.gates.routes import persona_routes
from eval.gates.settings import GateSettings
from tests.eval.gates.asking import assert_sound, encoded, gate_of, persona_gate, request

PATH = "/eval/personas/publish"
ONE_ANSWER = "/eval/personas/answers/{request_id}"


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[PersonaGate]:
    settings = GateSettings(store_timeout_s=30)
    gates = [gate_of(), gate_of("Strict", thresholds={"MRR": {"max": 0.5}})]
    made = persona_gate(tmp_path, settings=settings, gates=gates)
    yield made
    await made.close()


@pytest.fixture
async def client(gate: PersonaGate) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(persona_routes(gate))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://mesh") as made:
        yield made


def answer_of(response: httpx.Response) -> Answer:
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    envelope = response.json()
    return Answer(envelope["topic"], envelope)


async def test_good_and_bad_requests_are_answered_at_once(client: httpx.AsyncClient) -> None:
    bodies = [encoded(request()), encoded(request("Strict")), b"{", b"", b"x" * (2**20 + 7)]
    responses = await asyncio.gather(*(client.post(PATH, content=body) for body in bodies))
    answers = [answer_of(response) for response in responses]
    for answer in answers:
        assert_sound(answer)
    assert [answer.topic for answer in answers] == [PUBLISHED, *[FAILED] * 4]
    reasons = [answer.reason for answer in answers]
    assert reasons[1:] == ["threshold-not-met", *["invalid-request"] * 3]


async def test_an_answer_can_be_asked_for_again(client: httpx.AsyncClient) -> None:
    event = request()
    given = await client.post(PATH, content=encoded(event))
    again = await client.get(f"/eval/personas/answers/{event['id']}")
    assert answer_of(again).envelope == given.json()
    about = {"name": "Archon", "version": "2.0"}
    newest = await client.get("/eval/personas/answers", params=about)
    assert newest.json() == {"answers": [given.json()]}
    missing = await client.get("/eval/personas/answers/none")
    assert missing.status_code == 404
    assert "'none'" in missing.json()["detail"]


async def test_gates_are_listed_with_what_was_measured_last(client: httpx.AsyncClient) -> None:
    await client.post(PATH, content=encoded(request()))
    await client.post(PATH, content=encoded(request("Strict")))
    found = (await client.get("/eval/personas")).json()["gates"]
    standing = {(item["gate"]["name"], item["gate"]["version"]): item["passed"] for item in found}
    assert standing == {("Archon", "1.0"): None, ("Archon", "2.0"): True, ("Strict", "2.0"): False}
    (strict,) = (await client.get("/eval/personas", params={"name": "Strict"})).json()["gates"]
    (row,) = [row for row in strict["results"] if row["rule"] == "max"]
    assert (row["metric"], row["threshold"], row["value"], row["passed"]) == ("MRR", 0.5, 1, False)
    none = await client.get("/eval/personas", params={"name": "Archon", "version": "9"})
    assert none.json() == {"gates": []}


async def test_without_a_database_reading_is_a_problem_and_asking_an_answer(
    tmp_path: Path, gate: PersonaGate, client: httpx.AsyncClient
) -> None:
    for file in tmp_path.glob("state.db*"):
        file.write_bytes(b"no database at all" * 100)
    assert (
        answer_of(await client.post(PATH, content=encoded(request()))).reason == "store-unavailable"
    )
    for path in (
        "/eval/personas",
        "/eval/personas/answers/x",
        "/eval/personas/answers?name=a&version=1",
    ):
        response = await client.get(path)
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert "store of gates" in response.json()["detail"]


def test_the_routes_describe_themselves(gate: PersonaGate) -> None:
    app = FastAPI()
    app.include_router(persona_routes(gate))
    paths = app.openapi()["paths"]
    assert set(paths) == {PATH, "/eval/personas", "/eval/personas/answers", ONE_ANSWER}
    body = paths[PATH]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(json.loads(encoded(request()))) <= set(body["properties"])
