"""Every store of gates; the same checks run over SQLite, Postgres, and Supabase's own client.

The last one speaks to a double of Supabase's interface in front of a real Postgres.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from eval.gates.requests import PublishRequest, read_request
from eval.gates.results import GateRow
from eval.gates.stores.base import Claim, GateStore, Settled
from eval.gates.stores.sql import SqlGateStore
from eval.gates.stores.supabase import SupabaseGateStore
from tests.engines.postgres import PostgresServer
from tests.engines.supabase import Project, settings_of
from tests.eval.gates.asking import encoded, gate_of, request

NOW = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)


_REAL = [pytest.mark.integration, pytest.mark.xdist_group("postgres")]
_KINDS = ["sqlite", *(pytest.param(kind, marks=_REAL) for kind in ("postgres", "supabase"))]
_MANY = 5
Opener = Callable[[], GateStore]


@pytest.fixture(params=_KINDS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens stores over one empty place; they are closed at the end."""
    if request.param == "supabase":
        project: Project = request.getfixturevalue("project")
        make: Opener = partial(SupabaseGateStore, settings_of(project))
    elif request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        make = partial(SqlGateStore, server.new_database())
    else:
        make = partial(SqlGateStore, f"sqlite:///{tmp_path / 'state.db'}")
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(make()))


@pytest.fixture
def store(opened: Opener) -> GateStore:
    return opened()


def asked(name: str = "Archon") -> PublishRequest:
    _, found = read_request(encoded(request(name)))
    assert isinstance(found, PublishRequest)
    return found


def row(**fields: object) -> GateRow:
    known = {
        "persona_id": str(uuid.UUID(int=1)),
        "name": "Archon",
        "version": "2.0",
        "dataset_id": "smoke",
        "suite": "all",
        "metric": "MRR",
        "rule": "min",
        "threshold": 0.8,
        "value": 0.75,
        "low": 0.7,
        "high": 0.8,
        "passed": False,
        "run_id": "run-1",
        "dataset_hash": "0" * 64,
        "last_run": NOW,
    }
    return GateRow.model_validate(known | fields)


def settle(store: GateStore, *rows: GateRow, answer: str = "{}") -> str | None:
    found = asked()
    assert store.claim(found, 60) == Claim(mine=True)
    return store.settle(Settled(found.request_id, answer, rows))


def test_gates_are_stored_and_replaced(store: GateStore) -> None:
    filters = [{"field": "tags", "in": ["air"], "not_equals": None}]
    first, second = gate_of(filters=filters), gate_of(thresholds={"MRR": {"min": 0.1}})
    store.define([first, gate_of("Other")])
    assert store.gate("Archon", "2.0") == first
    store.define([second])
    assert store.gate("Archon", "2.0") == second
    assert [gate.title for gate in store.gates()] == ["Archon@1.0", "Archon@2.0", "Other@2.0"]
    assert store.gate("Nobody", "1.0") is None


def test_a_stored_gate_goes_before_a_default(store: GateStore) -> None:
    default = store.gate("Archon", "1.0")
    assert default is not None
    assert [item.id for item in default.datasets] == ["archon-smoke-10"]
    own = gate_of().model_copy(update={"version": "1.0"})
    store.define([own])
    assert store.gate("Archon", "1.0") == own
    assert [gate.title for gate in store.gates()] == ["Archon@1.0"]


def test_a_request_is_claimed_once(store: GateStore, opened: Opener) -> None:
    other, found = opened(), asked()
    assert store.claim(found, 60).mine
    assert other.claim(found, 60).busy
    assert other.claim(replace(found, fingerprint="f"), 60).another
    assert store.claim(found, 60).mine, "what it left unsettled, it may take again"
    assert store.settle(Settled(found.request_id, '{"a": 1}')) == '{"a": 1}'
    assert other.claim(found, 60).answer == '{"a": 1}'
    assert other.settle(Settled(found.request_id, '{"a": 2}')) == '{"a": 1}'
    assert other.answer(found.request_id.upper()) == '{"a": 1}'


def test_of_many_at_once_one_gets_a_request(store: GateStore, opened: Opener) -> None:
    store.gates()
    stores, found = [opened() for _ in range(_MANY)], asked()
    with ThreadPoolExecutor(len(stores)) as pool:
        claims = list(pool.map(lambda each: each.claim(found, 60), stores))
    assert sorted(claim.mine for claim in claims) == [*[False] * (_MANY - 1), True]
    assert sum(claim.busy for claim in claims) == _MANY - 1


def test_of_many_at_once_one_takes_over_a_request(store: GateStore, opened: Opener) -> None:
    found = asked()
    assert store.claim(found, -1).mine
    stores = [opened() for _ in range(_MANY)]
    with ThreadPoolExecutor(len(stores)) as pool:
        claims = list(pool.map(lambda each: each.claim(found, 60), stores))
    assert sum(claim.mine for claim in claims) == 1


def test_many_at_once_give_one_answer(store: GateStore, opened: Opener) -> None:
    found = asked()
    assert store.claim(found, 60).mine
    stores = [opened() for _ in range(_MANY)]

    def settled(number: int) -> str | None:
        one = row(run_id=f"run-{number}")
        return stores[number].settle(Settled(found.request_id, str(number), [one]))

    with ThreadPoolExecutor(len(stores)) as pool:
        (answer,) = set(pool.map(settled, range(_MANY)))
    assert answer == store.answer(found.request_id)
    assert [kept.run_id for kept in store.results()] == [f"run-{answer}"]


def test_many_requests_about_one_persona_settle_at_once(store: GateStore, opened: Opener) -> None:
    requests, stores = [asked() for _ in range(_MANY)], [opened() for _ in range(_MANY)]
    for found in requests:
        assert store.claim(found, 60).mine

    def settled(number: int) -> str | None:
        rows = [row(run_id=f"run-{number}", metric=f"m{metric}") for metric in range(number + 1)]
        return stores[number].settle(Settled(requests[number].request_id, "{}", rows))

    with ThreadPoolExecutor(len(stores)) as pool:
        assert list(pool.map(settled, range(_MANY))) == ["{}"] * _MANY
    kept = store.results()
    (run,) = {found.run_id for found in kept}
    assert len(kept) == int(run.removeprefix("run-")) + 1, "of one run, and all of it"


def test_what_a_dead_process_claimed_is_taken_over(store: GateStore, opened: Opener) -> None:
    dead, found = opened(), asked()
    assert dead.claim(found, -1).mine
    dead.close()
    assert store.claim(found, 60).mine


def test_what_nobody_waits_for_leaves_nothing(store: GateStore, opened: Opener) -> None:
    found = asked()
    assert not store.claim(found, 60, lambda: False).mine
    other = opened()
    assert other.claim(found, 60).mine
    assert other.settle(Settled(found.request_id, "{}", [row()]), lambda: False) is None
    assert other.answer(found.request_id) is None
    assert other.results() == []


def test_rows_are_kept_as_they_are_and_replaced_by_data_set(store: GateStore) -> None:
    measured = row(metric="hit@1", rule="measured", threshold=None, passed=None)
    other = row(dataset_id="other", passed=True)
    settle(store, row(), row(rule="max", threshold=1.0, passed=True), measured, other)
    most = row(rule="max", threshold=1.0, passed=True)
    assert store.results("Archon") == [other, most, row(), measured]
    settle(store, row(run_id="run-2", value=0.9, passed=True))
    assert [(found.dataset_id, found.run_id) for found in store.results()] == [
        ("other", "run-1"),
        ("smoke", "run-2"),
    ]
    assert store.results("Archon", "9.0") == store.results("Nobody") == []


def test_rows_of_one_persona_leave_those_of_another(store: GateStore) -> None:
    settle(store, row())
    settle(store, row(name="Other"))
    assert [found.name for found in store.results()] == ["Archon", "Other"]


def test_answers_are_found_by_persona_newest_first(store: GateStore) -> None:
    settle(store, answer='{"n": 1}')
    settle(store, answer='{"n": 2}')
    assert [json.loads(text)["n"] for text in store.answers("Archon", "2.0")] == [2, 1]
    assert store.answers("Archon", "2.0", limit=1) == ['{"n": 2}']
    assert store.answers("Archon", "1.0") == []


def check_columns(url: str, schema: str | None) -> None:
    engine = sa.create_engine(url)
    columns = {
        column["name"] for column in sa.inspect(engine).get_columns("persona_eval_gates", schema)
    }
    engine.dispose()
    named = {"persona_id", "dataset_id", "metric", "threshold", "last_run", "pass"}
    assert named | {"value", "run_id"} <= columns


def test_the_table_has_the_predecessors_columns(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with closing(SqlGateStore(url)) as store:
        store.gates()
    check_columns(url, None)


@pytest.mark.integration
@pytest.mark.xdist_group("postgres")
def test_the_table_stands_where_the_predecessor_had_it(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    with closing(SqlGateStore(url)) as store:
        store.gates()
    check_columns(url, "pmoves_core")


@pytest.mark.integration
@pytest.mark.xdist_group("postgres")
def test_the_predecessors_table_stays_under_another_name(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA pmoves_core")
        connection.exec_driver_sql(
            "CREATE TABLE pmoves_core.persona_eval_gates (persona_id uuid, dataset_id text, "
            "metric text, threshold numeric, last_run timestamptz, pass boolean, "
            "PRIMARY KEY (persona_id, dataset_id, metric))"
        )
        connection.exec_driver_sql(
            "INSERT INTO pmoves_core.persona_eval_gates VALUES "
            "(gen_random_uuid(), 'archon-smoke-10', 'top3_hit@k', 0.8, now(), true)"
        )
    store = SqlGateStore(url)
    settle(store, row())
    assert len(store.results()) == 1
    store.close()
    with engine.connect() as connection:
        old = "SELECT metric FROM pmoves_core.persona_eval_gates_predecessor"
        assert connection.exec_driver_sql(old).scalars().all() == ["top3_hit@k"]
    engine.dispose()
