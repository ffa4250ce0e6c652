"""Which strikes a plan makes, and how their rows are judged."""

import json

import pytest
from typer.testing import CliRunner

from cluster.chaos.ledger import Entry, Outcome
from cluster.chaos.parts import PARTS, SAFE
from cluster.chaos.report import HEADERS, ChaosReport, row_of
from cluster.chaos.run import ChaosPlan
from cluster.chaos.strikes import Strike, Struck
from cluster.cli.app import app


def named(plan: ChaosPlan) -> list[tuple[str, str]]:
    return [(strike.part.name, strike.way) for strike in plan.strikes()]


def test_a_seed_tells_the_order_and_each_round_strikes_everything() -> None:
    plan = ChaosPlan(rounds=2, seed=3)
    assert named(plan) == named(ChaosPlan(rounds=2, seed=3))
    assert named(plan) != named(ChaosPlan(rounds=2, seed=4))
    first, second = named(plan)[: len(SAFE)], named(plan)[len(SAFE) :]
    assert sorted(first) == sorted(second)
    assert {name for name, _ in first} == {*SAFE}


def test_what_ends_the_mesh_comes_last_and_only_on_request() -> None:
    assert not {"head", "gcs", "disk", "none"} & {*SAFE}
    plan = ChaosPlan(parts=("head", "gateway", "objects"), ways=("kill", "freeze", "fill"))
    assert sorted(named(plan)[-2:]) == [("head", "freeze"), ("head", "kill")]
    assert sorted(named(plan)[:-2]) == [
        ("gateway", "freeze"),
        ("gateway", "kill"),
        ("objects", "fill"),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_what_does_not_come_back_is_killed_after_all_else(seed: int) -> None:
    plan = ChaosPlan(parts=("machine", "gateway"), ways=("kill", "freeze"), seed=seed)
    assert named(plan)[-1] == ("machine", "kill")


def entry(kind: str, outcome: Outcome) -> Entry:
    return Entry(kind, 10.0, 2.5, outcome, "why")  # type: ignore[arg-type]


def struck(name: str, of: int) -> Struck:
    return Struck(Strike(PARTS[name]), (1,), of, 9.0)


@pytest.mark.parametrize(
    ("name", "of", "kind", "outcome", "ok"),
    [
        ("gateway", 2, "write", "broken off", True),
        ("gateway", 2, "search", "refused cleanly", False),
        ("gateway", 2, "fresh", "refused cleanly", False),
        ("gateway", 1, "search", "refused cleanly", True),
        ("gateway", 1, "search", "failed", False),
        ("embedder", 1, "search", "refused cleanly", False),
        ("embedder", 1, "write", "refused cleanly", True),
        ("embedder", 2, "write", "broken off", False),
        ("controller", 1, "write", "refused cleanly", True),
        ("controller", 1, "write", "broken off", False),
        ("controller", 1, "search", "refused cleanly", False),
        ("haproxy", 1, "search", "not connected", True),
        ("haproxy", 1, "search", "timed out", False),
    ],
)
def test_what_a_loss_may_cost(name: str, of: int, kind: str, outcome: Outcome, ok: bool) -> None:
    row = row_of(struck(name, of), [entry(kind, outcome), entry("search", "answered")], 4.0)
    assert row.ok is ok
    assert row.last_failure_s == 3.5
    assert row.searches_failed + row.writes_failed == 1


def report(**changes: object) -> ChaosReport:
    row = row_of(struck("gateway", 2), [entry("write", "broken off")], 4.0)
    given: dict[str, object] = {
        "seed": 1,
        "searches_per_s": 8,
        "writes_per_s": 1,
        "seconds": 60,
        "requests": 500,
        "held_back": 0,
        "acknowledged_writes": 50,
        "rows": [row],
        "wrong_answers": [],
        "lost_writes": [],
    }
    return ChaosReport.model_validate(given | changes)


def test_a_report_holds_only_if_nothing_was_wrong_or_lost() -> None:
    assert report().ok
    assert not report(wrong_answers=["x"]).ok
    assert not report(lost_writes=["x"]).ok
    assert not report(ended="interrupted").ok
    assert "ended early: interrupted" in report(ended="interrupted").summary()
    assert not report(rows=[row_of(struck("gateway", 2), [entry("search", "failed")], 4.0)]).ok
    assert "0 of 50 acknowledged writes lost" in report().summary()[0]
    table = report().to_markdown().splitlines()
    assert len({line.count("|") for line in table}) == 1
    assert table[2].startswith("| gateway | kill | 2 | 4.0 | 3.5 | 0 | 1 |")
    assert len(HEADERS) == table[0].count("|") - 1
    assert json.loads(report().model_dump_json())["rows"][0]["part"] == "gateway"


def test_the_command_strikes_nothing_without_a_mesh_of_this_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("PMOVES_HOME", str(tmp_path))
    found = CliRunner().invoke(app, ["chaos", "--kill-parts-of-this-mesh"])
    assert found.exit_code == 1
    assert "no mesh runs" in found.stderr
    wrong = CliRunner().invoke(app, ["chaos", "--part", "moon"])
    assert wrong.exit_code == 2
    assert "'moon' is none of gateway" in wrong.stderr
