"""Fifty bad or unlucky requests at once: each gets one answer that holds its contract."""

import asyncio
import contextlib
import socket
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from eval.gates.contracts import FAILED, schema
from eval.gates.errors import Reason
from eval.gates.evaluation import Evaluator
from eval.gates.gate import PersonaGate
from eval.gates.settings import GateSettings
from eval.gates.stores.sql import SqlGateStore
from eval.systems.base import SearchSystem
from eval.systems.http import HttpSystem
from tests.eval.gates.asking import (
    KnowingSystem,
    assert_sound,
    collections,
    encoded,
    gate_of,
    request,
)

SETTINGS = GateSettings(runs=4, timeout_s=60, store_timeout_s=60)


@pytest.fixture
def refused() -> Iterator[str]:
    """An address that nobody listens on, and that nobody else can take meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def silent() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def babbling() -> Iterator[str]:
    """An address that answers with something else than HTTP, and hangs up."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        thread = threading.Thread(target=_babble, args=(server,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _babble(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(b"+OK POP3 server ready\r\n")


GATES = [
    gate_of("Good"),
    gate_of("Bad", thresholds={"MRR": {"min": 1, "max": 0.5}}),
    gate_of("Lost", queries_path="gone"),
    gate_of("Nowhere", queries_path=None),
    gate_of("Unsuited", suites_path="/nowhere/suites.yaml"),
    gate_of("Unbased", baseline_path="/nowhere/baseline.json"),
    gate_of("Empty", filters=[{"field": "tags", "contains_any": ["none"]}]),
    gate_of("Brief").model_copy(update={"timeout_s": 0.5}),
]

TWIN = request("Good")
REUSED = request("Bad")
UNREADABLE = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"persona.publish.request.v1"',
    b"\xff\xfe",
    b"[" * 5_000,
    b'{"a":' * 900 + b"1" + b"}" * 900,
    b'{"id": NaN}',
    b'{"id": 1e999}',
    b'{"source": "\\ud800"}',
    b" " * (2**20 + 1),
    encoded(request("Good", id="seven")),
    encoded(request("Good", topic="persona.published.v1")),
    encoded(request("Good", topic="persona.publish.result.v1")),
    encoded(request("Good", version="v1") | {"version": "v2"}),
    encoded(request("Good", ts="yesterday")),
    encoded(request("Good", correlation_id=7)),
    encoded(request("Good", payload=[])),
    encoded(request("Good", extra=1)),
    encoded(request("G\x00od")),
    encoded(request("G" * 500)),
    encoded(request("Good", {"id": "smoke", "k": 0})),
    encoded(request("Good", {"id": "smoke", "thresholds": {"nope": 1}})),
    encoded(request("Good", {"id": "smoke", "thresholds": {"MRR": 10**400}})),
]
UNLUCKY = {
    "unknown-persona": [request("Nobody"), request("Good", version="0.0"), request("good")],
    "unknown-dataset": [request("Good", {"id": "other"})],
    "path-not-allowed": [
        request("Nowhere", {"id": "smoke", "queries_path": "/etc/passwd"}),
        request("Nowhere", {"id": "smoke", "queries_path": "../../etc/passwd"}),
        request("Good", {"id": "smoke", "suites_path": "s3://somebody/else.yaml"}),
    ],
    "dataset-missing": [request("Lost"), request("Nowhere")],
    "invalid-gate": [request("Unsuited")],
    "evaluation-failed": [request("Empty"), request("Unbased")],
    "threshold-not-met": [
        request("Bad"),
        request("Good", {"id": "smoke", "thresholds": {"MRR": 2}}),
    ],
    "timeout": [request("Good", {"id": "smoke", "timeout": 1e-6})],
}
AT_NO_GATEWAY = [request("Good"), request("Good")]
AT_A_SILENT_ONE = [request("Brief"), request("Brief"), request("Brief")]
AT_SOMETHING_ELSE = [request("Good")]


def gate_at(folder: Path, url: str | None = None, settings: GateSettings = SETTINGS) -> PersonaGate:
    """Return a gate that asks the gateway at `url`, and without one knows all answers itself."""

    def system() -> SearchSystem:
        return HttpSystem(url) if url else KnowingSystem()

    store = SqlGateStore(f"sqlite:///{folder / 'state.db'}")
    return PersonaGate(store, Evaluator(collections, system, folder / "runs"), settings, roots=[])


@pytest.mark.integration
async def test_each_of_fifty_gets_one_sound_answer(
    tmp_path: Path, refused: str, silent: str, babbling: str
) -> None:
    """Four processes with a gateway of their own each, in one, over one database."""
    whole, down, hanging, other = (
        gate_at(tmp_path, url) for url in (None, refused, silent, babbling)
    )
    whole.store.define(GATES)
    events = [event for found in UNLUCKY.values() for event in found]
    asked = [(whole, body) for body in UNREADABLE]
    asked += [(whole, encoded(event)) for event in events]
    asked += [(whole, encoded(TWIN))] * 3 + [(other, encoded(TWIN))]
    asked += [(whole, encoded(REUSED)), (whole, encoded(request("Good", id=REUSED["id"])))]
    asked += [(down, encoded(event)) for event in AT_NO_GATEWAY]
    asked += [(hanging, encoded(event)) for event in AT_A_SILENT_ONE]
    asked += [(other, encoded(event)) for event in AT_SOMETHING_ELSE]
    assert len(asked) >= 50

    answers = await asyncio.gather(*(gate.answer(body) for gate, body in asked))
    for gate in (whole, down, hanging, other):
        await gate.close()

    for answer in answers:
        assert_sound(answer)
    reasons = [answer.reason for answer in answers]
    readable = len(UNREADABLE)
    assert reasons[:readable] == ["invalid-request"] * readable
    expected = [reason for reason, found in UNLUCKY.items() for _ in found]
    assert reasons[readable : readable + len(expected)] == expected
    rest = answers[readable + len(expected) :]
    assert len({answer.to_json() for answer in rest[:4]}) == 1, "twins have one answer"
    assert sorted(str(answer.reason) for answer in rest[4:6]) == [
        "request-id-reused",
        "threshold-not-met",
    ]
    assert [answer.reason for answer in rest[6:]] == [
        *["gateway-unavailable"] * 2,
        *["timeout"] * 3,
        "gateway-unavailable",
    ]


async def test_fifty_requests_to_a_locked_database(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"store_timeout_s": 0.3})
    gate = gate_at(tmp_path, settings=settings)
    gate.store.define(GATES)
    lock = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    event = encoded(request("Good"))
    try:
        answers = await asyncio.gather(
            gate.answer(event), *(gate.answer(encoded(request("Good"))) for _ in range(49))
        )
        assert {answer.reason for answer in answers} == {"store-unavailable"}
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    for answer in answers:
        assert_sound(answer)
    patient = gate_at(tmp_path)
    assert (await patient.answer(event)).published, "an answer that was not kept is made again"
    await patient.close()
    await gate.close()


async def test_fifty_requests_to_a_database_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    gate = gate_at(tmp_path)
    answers = await asyncio.gather(*(gate.answer(encoded(request("Good"))) for _ in range(50)))
    assert {answer.reason for answer in answers} == {"store-unavailable"}
    for answer in answers:
        assert_sound(answer)
    (tmp_path / "state.db").rmdir()
    assert (await gate.answer(encoded(request()))).reason == "unknown-persona"
    await gate.close()


async def test_a_database_that_is_lost_during_the_run(tmp_path: Path) -> None:
    gate = gate_at(tmp_path)
    gate.store.define(GATES)

    class Vandal(KnowingSystem):
        async def close(self) -> None:
            with sqlite3.connect(tmp_path / "state.db") as connection:
                connection.execute("DROP TABLE persona_eval_gates")
            connection.close()

    vandal = PersonaGate(gate.store, Evaluator(collections, Vandal, tmp_path / "runs"), SETTINGS)
    answer = await vandal.answer(encoded(request("Good")))
    assert_sound(answer)
    assert (answer.topic, answer.reason) == (FAILED, "store-unavailable")
    assert gate.store.answers("Good", "2.0") == [], "neither rows nor an answer are kept"
    await vandal.close()


def test_every_reason_is_one_of_the_contract() -> None:
    assert list(get_args(Reason)) == schema(FAILED)["properties"]["reason"]["enum"]
