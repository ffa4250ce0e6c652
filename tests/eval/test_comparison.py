"""Two runs side by side, and runs as files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from eval.compare_cli import compare_app
from eval.comparison import Pair, RunComparison, compare_pairs, compare_runs
from eval.datasets.base import Dataset
from eval.errors import EvaluationError
from eval.journal import StoredHit
from eval.moves import Side, find_moves, moves_text
from eval.stored import load_run
from retrieval.query import Explanation, StageScore
from tests.eval.stored import stored_run

QUERIES = [f"q{number}" for number in range(30)]
DATASET = Dataset(
    "many", (), {query: f"what is {query}?" for query in QUERIES}, {q: {"a": 1} for q in QUERIES}
)
BEFORE = np.random.default_rng(3).uniform(0.3, 0.7, 30).tolist()
BETTER = [value + 0.2 for value in BEFORE]
NOISE = [value + shift for value, shift in zip(BEFORE, [0.05, -0.05] * 15, strict=True)]


def test_a_real_difference_and_noise() -> None:
    first = stored_run(DATASET, {"nDCG@10": BEFORE, "MRR": BEFORE}, label="old")
    second = stored_run(DATASET, {"nDCG@10": BETTER, "MRR": NOISE}, label="new")
    found = compare_runs(first, second)
    real, noise = found.differences
    assert (real.metric, real.verdict) == ("nDCG@10", "better")
    assert real.difference.mean == pytest.approx(0.2)
    assert real.difference.low > 0
    assert (noise.metric, noise.verdict) == ("MRR", "no difference shown")
    assert noise.p_corrected >= noise.p_value > 0.05
    (back,) = compare_runs(second, first, ["nDCG@10"]).differences
    assert back.verdict == "worse"


def test_verdicts_come_from_the_corrected_test_alone() -> None:
    after = [value - 0.1 for value in BEFORE[:6]] + BEFORE[6:]
    series = dict(zip(QUERIES, BEFORE, strict=True)), dict(zip(QUERIES, after, strict=True))
    (alone,) = compare_pairs([Pair("all", "hybrid", "MRR", *series)])
    assert (alone.p_value, alone.verdict) == (2 / 64, "worse")
    together = compare_pairs([Pair(f"s{n}", "hybrid", "MRR", *series) for n in range(3)])
    for entry in together:
        assert entry.p_value == 2 / 64
        assert entry.p_corrected > 0.05
        assert entry.difference.high < 0
        assert entry.verdict == "no difference shown"


def test_text_calls_nothing_real_that_the_test_does_not() -> None:
    rng = np.random.default_rng(11)
    for _ in range(20):
        values = {name: rng.uniform(0, 1, 30).tolist() for name in ("MRR", "MAP", "hit@1")}
        other = {
            name: np.clip(series + rng.normal(0.03, 0.1, 30), 0, 1).tolist()
            for name, series in values.items()
        }
        found = compare_runs(stored_run(DATASET, values), stored_run(DATASET, other))
        rows = [line for line in found.to_text().splitlines() if line.startswith("| hybrid")]
        for entry, row in zip(found.differences, rows, strict=True):
            claims = any(word in row for word in ("better", "worse"))
            assert claims == (entry.p_corrected < 0.05)


def test_equal_runs_differ_in_nothing() -> None:
    first = stored_run(DATASET, {"MRR": BEFORE}, ["hybrid", "dense"])
    found = compare_runs(first, first)
    assert [entry.p_corrected for entry in found.differences] == [1, 1]
    assert not found.moves
    assert "No query moved in MRR, mode hybrid." in found.to_text()


def test_the_queries_that_moved_most_come_first() -> None:
    after = list(BEFORE)
    after[4] -= 0.25
    after[9] += 0.1
    after[2] += 1e-9
    found = compare_runs(stored_run(DATASET, {"MRR": BEFORE}), stored_run(DATASET, {"MRR": after}))
    assert [move.query_id for move in found.moves] == ["q4", "q9"]
    assert found.moves[0].by == pytest.approx(-0.25)
    assert found.moves[0].hits_before[0].doc_id == "q4-first"


def test_why_a_query_moved() -> None:
    explain = Explanation(
        fusion="convex",
        alpha=0.7,
        dense=StageScore(score=0.4, rank=1, normalized=1),
        lexical=StageScore(normalized=0),
        boosts={"neighbors": -0.02},
    )
    hit = StoredHit(doc_id="right.md", score=0.68, explain=explain)
    before = Side({"q": 1.0}, {"q": [hit]})
    after = Side({"q": 0.5}, {"q": [StoredHit(doc_id="wrong.md", score=0.7), hit]})
    text = moves_text(find_moves(before, after, {"q": "who?"}), "MRR", "hybrid")
    assert "before 1. right.md 0.680 (dense 1.000 rank 1, lexical 0.000, neighbors -0.020)" in text
    assert "after 1. wrong.md 0.700" in text
    assert "after 2. right.md 0.680" in text
    assert "was read as" not in text
    read = replace(after, corrections={"q": {"fidle": "fiddle"}, "other": {"a": "b"}})
    text = moves_text(find_moves(before, read, {"q": "who?"}), "MRR", "hybrid")
    assert "after fidle was read as fiddle\n  after 1. wrong.md" in text
    assert "before fidle" not in text


def test_runs_over_other_questions_are_refused() -> None:
    other = Dataset("other", (), DATASET.queries, {query: {"b": 1} for query in QUERIES})
    with pytest.raises(EvaluationError, match=r"is over many .* judgements differ"):
        compare_runs(stored_run(DATASET, {"MRR": BEFORE}), stored_run(other, {"MRR": BEFORE}))


def test_what_runs_do_not_share_is_named() -> None:
    hybrid = stored_run(DATASET, {"MRR": BEFORE}, label="one")
    with pytest.raises(EvaluationError, match="no mode in common"):
        compare_runs(hybrid, stored_run(DATASET, {"MRR": BEFORE}, ["dense"]))
    with pytest.raises(EvaluationError, match="the run 'one' has no MAP; it has MRR"):
        compare_runs(hybrid, hybrid, ["MAP"])


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = stored_run(DATASET, {"MRR": BEFORE}, label="one")
    run.save(tmp_path / "one")
    assert load_run(tmp_path / "one") == load_run(tmp_path / "one" / "run.json") == run
    with pytest.raises(EvaluationError, match=r"run\.json cannot be read: .* name a folder"):
        load_run(tmp_path)
    (tmp_path / "run.json").write_text('{"queries": {}}')
    with pytest.raises(EvaluationError, match=r"run\.json is no stored run: provenance"):
        load_run(tmp_path)


def test_the_command(tmp_path: Path) -> None:
    for name, values in (("old", BEFORE), ("new", BETTER)):
        stored_run(DATASET, {"nDCG@10": values, "MRR": values}, label=name).save(tmp_path / name)
    arguments = [str(tmp_path / "old"), str(tmp_path / "new")]
    found = CliRunner().invoke(compare_app, arguments, catch_exceptions=False)
    assert found.exit_code == 0
    assert "new against old, paired by query" in found.stdout
    assert "corrected by Holm over 2 comparisons" in found.stdout
    as_json = CliRunner().invoke(
        compare_app, [*arguments, "--metric", "mrr", "--json"], catch_exceptions=False
    )
    parsed = RunComparison.model_validate_json(as_json.stdout)
    assert [(entry.metric, entry.verdict) for entry in parsed.differences] == [("MRR", "better")]
    assert len(parsed.moves) == 10
