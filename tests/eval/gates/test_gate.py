"""One request, one answer: what it says, and that it is given once."""

import asyncio
import json
import uuid
from pathlib import Path

import pytest

from eval.datasets.base import Dataset
from eval.errors import SearchSystemError
from eval.gates.answers import Answer
from eval.gates.contracts import FAILED, PUBLISHED
from eval.gates.definition import Gate
from eval.gates.evaluation import Evaluator
from eval.gates.gate import PersonaGate
from eval.gates.settings import GateSettings
from eval.gates.stores.base import GateStore
from eval.gates.stores.sql import SqlGateStore
from eval.gates.stores.supabase import SupabaseGateStore
from eval.stored import load_run
from eval.systems.base import SearchSystem
from retrieval.chunk import JsonValue
from retrieval.query import SearchRequest, SearchResponse
from tests.engines.postgres import PostgresServer
from tests.engines.supabase import Project, settings_of
from tests.eval.gates.asking import (
    PERSONA_ID,
    KnowingSystem,
    assert_sound,
    collections,
    encoded,
    gate_of,
    payload,
    persona_gate,
    request,
)
from tests.eval.scripted import ScriptedSystem


async def answered(folder: Path, event: dict[str, JsonValue], *gates: Gate) -> Answer:
    """Return a fresh gate's answer to `event`."""
    gate = persona_gate(folder, gates=list(gates) or None)
    try:
        answer = await gate.answer(encoded(event))
    finally:
        await gate.close()
    assert_sound(answer)
    return answer


async def test_a_persona_that_is_good_enough_is_published(tmp_path: Path) -> None:
    event = request(correlation_id="ticket 7")
    answer = await answered(tmp_path, event)
    assert answer.topic == PUBLISHED
    assert answer.envelope["parent_id"] == event["id"]
    assert answer.envelope["correlation_id"] == "ticket 7"
    found = payload(answer)
    assert found["persona_id"] == PERSONA_ID
    assert (found["name"], found["version"], found["dataset_id"]) == ("Archon", "2.0", "smoke")
    assert found["metrics"] == {"nDCG@10": 1.0, "MRR": 1.0, "hit@1": 1.0}


async def test_one_that_is_not_is_told_why(tmp_path: Path) -> None:
    gate = persona_gate(tmp_path, lambda: KnowingSystem(rank=5))
    answer = await gate.answer(encoded(request()))
    await gate.close()
    assert_sound(answer)
    assert (answer.topic, answer.reason) == (FAILED, "threshold-not-met")
    assert "all: nDCG@10 FAILED: 0.3869" in str(payload(answer)["detail"])


async def test_gain_is_held_against_all_that_is_judged(tmp_path: Path) -> None:
    """One of five right documents at the first rank is 0.339, not 1.0."""
    five = Dataset("five", (), {"q": "five?"}, {"q": {f"d{n}": 1 for n in range(5)}})
    system = ScriptedSystem({("five?", "hybrid"): ["d0", "a", "b", "c", "d"]})
    store = SqlGateStore(f"sqlite:///{tmp_path / 'state.db'}")
    store.define([gate_of(thresholds={"nDCG@5": {"min": 0.75}})])
    gate = PersonaGate(store, Evaluator(lambda _: five, lambda: system, tmp_path / "runs"))
    answer = await gate.answer(encoded(request()))
    await gate.close()
    assert answer.reason == "threshold-not-met"
    metrics = payload(answer)["metrics"]
    assert isinstance(metrics, dict)
    assert metrics["nDCG@5"] == pytest.approx(0.339, abs=5e-4)


async def test_a_request_without_correlation_gets_the_id_of_its_own(tmp_path: Path) -> None:
    event = request(correlation_id=None, parent_id=None, actor=None)
    answer = await answered(tmp_path, event)
    assert answer.published
    assert answer.envelope["correlation_id"] == event["id"]


async def test_every_value_is_stored_with_its_run(tmp_path: Path) -> None:
    gate = persona_gate(tmp_path, gates=[gate_of(thresholds={"MRR": {"min": 0.5, "max": 1}})])
    await gate.answer(encoded(request()))
    rows = gate.store.results("Archon", "2.0")
    await gate.close()
    found = {
        (row.suite, row.metric, row.rule): (row.threshold, row.value, row.passed) for row in rows
    }
    assert found["all", "MRR", "min"] == (0.5, 1.0, True)
    assert found["all", "MRR", "max"] == (1.0, 1.0, True)
    assert found["all", "hit@1", "measured"] == (None, 1.0, None)
    assert found["known-items", "MRR", "measured"] == (None, 1.0, None)
    (run_id,) = {row.run_id for row in rows}
    assert load_run(tmp_path / "runs" / run_id / "harbour").provenance.label == "smoke"


async def test_the_next_run_takes_the_place_of_the_last(tmp_path: Path) -> None:
    gate = persona_gate(tmp_path)
    await gate.answer(encoded(request()))
    before = gate.store.results()
    await gate.answer(encoded(request()))
    after = gate.store.results()
    await gate.close()
    assert [row.metric for row in after] == [row.metric for row in before]
    assert {row.run_id for row in after}.isdisjoint({row.run_id for row in before})


@pytest.mark.parametrize(
    ("name", "version", "dataset", "reason"),
    [
        ("Nobody", "2.0", None, "unknown-persona"),
        ("Archon", "9.0", None, "unknown-persona"),
        ("Archon", "2.0", {"id": "other"}, "unknown-dataset"),
        ("Nowhere", "2.0", {"id": "smoke", "queries_path": "/etc/passwd"}, "path-not-allowed"),
        ("Archon", "2.0", {"id": "smoke", "suites_path": "/etc/passwd"}, "path-not-allowed"),
        ("Archon", "2.0", {"id": "smoke", "thresholds": {"MRR": 1.5}}, "threshold-not-met"),
        ("Archon", "2.0", {"id": "smoke", "thresholds": {"top3_hit@k": 0.8}}, "invalid-request"),
        ("Archon", "2.0", {"id": "smoke", "thresholds": {"MRR": {}}}, "invalid-request"),
        ("Archon", "2.0", {"id": "smoke", "timeout": 1e-9}, "timeout"),
        ("Lost", "2.0", None, "dataset-missing"),
        ("Nowhere", "2.0", None, "dataset-missing"),
        ("Unsuited", "2.0", None, "invalid-gate"),
        ("Empty", "2.0", None, "evaluation-failed"),
        ("Foreign", "2.0", None, "persona-mismatch"),
    ],
)
async def test_whatever_is_wrong_has_its_reason(
    tmp_path: Path, name: str, version: str, dataset: dict[str, JsonValue] | None, reason: str
) -> None:
    gates = [
        gate_of(),
        gate_of("Lost", queries_path="gone"),
        gate_of("Nowhere", queries_path=None),
        gate_of("Unsuited", suites_path=str(tmp_path / "none.yaml")),
        gate_of("Empty", filters=[{"field": "tags", "contains_any": ["none"]}]),
        gate_of("Foreign").model_copy(update={"persona_id": uuid.UUID(int=7)}),
    ]
    answer = await answered(tmp_path, request(name, dataset, version), *gates)
    assert (answer.topic, answer.reason) == (FAILED, reason)
    assert payload(answer)["name"] == name


async def test_what_a_request_adds_is_measured_at_its_own_cut(tmp_path: Path) -> None:
    added: dict[str, JsonValue] = {
        "id": "smoke",
        "thresholds": {"ndcg": {"min": 0.9}, "mrr": 0.9},
        "k": 3,
    }
    answer = await answered(tmp_path, request(dataset=added))
    (evaluation,) = json.loads(answer.to_json())["payload"]["evaluations"]
    checks = {(check["suite"], check["metric"]) for check in evaluation["checks"]}
    assert checks == {("all", "nDCG@10"), ("request", "nDCG@3"), ("request", "MRR")}


async def test_all_data_sets_are_asked_whichever_is_named(tmp_path: Path) -> None:
    first, second = gate_of().datasets[0], gate_of(id="other").datasets[0]
    both = gate_of().model_copy(update={"datasets": (first, second)})
    named: dict[str, JsonValue] = {"id": "other", "queries_path": "wherever/other.jsonl"}
    answer = await answered(tmp_path, request(dataset=named), both)
    assert answer.published
    assert payload(answer)["dataset_id"] == "other"
    evaluations = json.loads(answer.to_json())["payload"]["evaluations"]
    assert [found["dataset_id"] for found in evaluations] == ["other", "smoke"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("{root}/sets/a.jsonl", "dataset-missing"),
        ("{root}/sets", "dataset-missing"),
        ("{root}/sets/../b.jsonl", "path-not-allowed"),
        ("{root}/setsandmore/b.jsonl", "path-not-allowed"),
        ("s3://bucket/sets/a", "dataset-missing"),
        ("s3://bucket/sets/../b", "path-not-allowed"),
        ("s3://bucket/setsandmore/b", "path-not-allowed"),
        ("file:///etc/passwd", "path-not-allowed"),
        ("library", "dataset-missing"),
    ],
)
async def test_requests_name_data_sets_below_the_roots(
    tmp_path: Path, path: str, reason: str
) -> None:
    store = SqlGateStore(f"sqlite:///{tmp_path / 'state.db'}")
    store.define([gate_of(queries_path=None)])
    evaluator = Evaluator(collections, KnowingSystem, tmp_path / "runs")
    gate = PersonaGate(store, evaluator, roots=[str(tmp_path / "sets"), "s3://bucket/sets"])
    dataset: dict[str, JsonValue] = {"id": "smoke", "queries_path": path.format(root=tmp_path)}
    answer = await gate.answer(encoded(request(dataset=dataset)))
    await gate.close()
    assert answer.reason == reason


async def test_a_lax_request_makes_no_gate_laxer(tmp_path: Path) -> None:
    gate = persona_gate(tmp_path, lambda: KnowingSystem(rank=5))
    lax: dict[str, JsonValue] = {
        "id": "smoke",
        "thresholds": {"nDCG@10": {"min": 0}},
        "timeout": 80_000,
    }
    answer = await gate.answer(encoded(request(dataset=lax)))
    await gate.close()
    assert answer.reason == "threshold-not-met"


async def test_the_same_request_again_gets_the_same_answer(tmp_path: Path) -> None:
    systems: list[SearchSystem] = []

    def system() -> SearchSystem:
        systems.append(KnowingSystem())
        return systems[-1]

    event = encoded(request())
    gate = persona_gate(tmp_path, system)
    first = await asyncio.gather(*(gate.answer(event) for _ in range(5)))
    await gate.close()
    other = persona_gate(tmp_path, system)
    again = await other.answer(event)
    await other.close()
    assert {answer.to_json() for answer in [*first, again]} == {first[0].to_json()}
    assert len(systems) == 1


async def test_an_id_that_is_taken_is_refused(tmp_path: Path) -> None:
    gate = persona_gate(tmp_path)
    event = request()
    good, bad = await asyncio.gather(
        gate.answer(encoded(event)),
        gate.answer(encoded(request("Other", id=event["id"]))),
    )
    later = await gate.answer(encoded(request("Other", id=str(event["id"]).upper())))
    await gate.close()
    assert good.published
    assert bad.reason == later.reason == "request-id-reused"


async def test_whoever_stops_waiting_finds_the_answer_later(tmp_path: Path) -> None:
    gate = persona_gate(tmp_path)
    event = encoded(request())
    waiting = asyncio.create_task(gate.answer(event))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await gate.answer(event)).published
    await gate.close()


class StuckSystem(KnowingSystem):
    """Never answers."""

    async def search(self, request: SearchRequest) -> SearchResponse:
        await asyncio.Event().wait()
        raise AssertionError


async def test_closing_answers_whoever_waits(tmp_path: Path) -> None:
    gate = persona_gate(tmp_path, StuckSystem)
    waiting = [asyncio.create_task(gate.answer(encoded(request()))) for _ in range(4)]
    await asyncio.sleep(0.05)
    await gate.close()
    for task in waiting:
        answer = await task
        assert_sound(answer)
        assert answer.reason == "interrupted"


async def test_too_many_requests_are_refused(tmp_path: Path) -> None:
    gate = persona_gate(tmp_path, StuckSystem, GateSettings(waiting=2, timeout_s=0.3))
    answers = await asyncio.gather(*(gate.answer(encoded(request())) for _ in range(5)))
    await gate.close()
    assert sorted(str(answer.reason) for answer in answers) == [
        *["overloaded"] * 3,
        *["timeout"] * 2,
    ]


async def test_no_more_runs_at_once_than_are_allowed(tmp_path: Path) -> None:
    now = most = 0

    class CountingSystem(KnowingSystem):
        async def search(self, request: SearchRequest) -> SearchResponse:
            nonlocal now, most
            now, most = now + 1, max(most, now + 1)
            await asyncio.sleep(0.001)
            now -= 1
            return await super().search(request)

    gates = [gate_of(thresholds={"MRR": {"min": 1}})]
    gate = persona_gate(tmp_path, CountingSystem, GateSettings(runs=1), gates)
    answers = await asyncio.gather(*(gate.answer(encoded(request())) for _ in range(6)))
    await gate.close()
    assert all(answer.published for answer in answers)
    assert most <= 8, "the queries of one run, and of no other"


async def test_a_defect_is_an_answer_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def system() -> SearchSystem:
        raise ZeroDivisionError

    gate = persona_gate(tmp_path, system)
    answer = await gate.answer(encoded(request()))
    await gate.close()
    assert_sound(answer)
    assert answer.reason == "internal"
    assert "ZeroDivisionError" in str(payload(answer)["detail"])
    assert "a gate failed" in caplog.text


async def test_a_search_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    def system() -> SearchSystem:
        raise SearchSystemError("no mesh here")

    gate = persona_gate(tmp_path, system)
    answer = await gate.answer(encoded(request()))
    await gate.close()
    assert answer.reason == "gateway-unavailable"


@pytest.fixture
def two_stores(kind: str, postgres: PostgresServer, project: Project) -> list[GateStore]:
    """Two stores of one place, as two processes have them."""
    if kind == "supabase":
        return [SupabaseGateStore(settings_of(project)) for _ in range(2)]
    url = postgres.new_database()
    return [SqlGateStore(url) for _ in range(2)]


@pytest.mark.integration
@pytest.mark.xdist_group("postgres")
@pytest.mark.parametrize("kind", ["postgres", "supabase"])
async def test_gates_of_two_processes_give_one_answer(
    tmp_path: Path, two_stores: list[GateStore]
) -> None:
    two_stores[0].define([gate_of()])
    evaluator = Evaluator(collections, KnowingSystem, tmp_path / "runs")
    gates = [PersonaGate(store, evaluator) for store in two_stores]
    event = encoded(request())
    answers = await asyncio.gather(*(gate.answer(event) for gate in gates * 2))
    assert {answer.to_json() for answer in answers} == {two_stores[1].answers("Archon", "2.0")[0]}
    assert answers[0].published
    rows = two_stores[1].results()
    assert len({row.run_id for row in rows}) == 1, "it ran once"
    assert rows[0].run_id in answers[0].to_json()
    for gate in gates:
        await gate.close()
