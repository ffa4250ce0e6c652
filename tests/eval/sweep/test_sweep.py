"""Choosing settings: the grid, the folds, and what the report dares to say."""

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from eval.datasets.base import Dataset
from eval.errors import EvaluationError
from eval.metrics import Metric
from eval.sweep.folds import best, held_out, split
from eval.sweep.lists import SharedLists
from eval.sweep.report import SweepReport
from eval.sweep.run import run_sweep
from eval.sweep.spec import Grid, Setting, Steps, SweepSpec, load_sweep

NOW = Setting(fusion="convex", alpha=0.7, neighbor_share=0.4)
QUERIES = [f"q{number}" for number in range(40)]
DATASET = Dataset("many", (), dict.fromkeys(QUERIES, "?"), {query: {"a": 1} for query in QUERIES})


class MadeUpLists:
    """Values by setting as a test wants them; stands where retrieved lists would."""

    dataset = DATASET

    def __init__(self, gain: float, noise: float, lucky: float = 0.0) -> None:
        self._gain, self._noise, self._lucky = gain, noise, lucky

    def values(self, setting: Setting, metric: Metric) -> dict[str, float]:
        """Best at alpha 0.5, by `gain`, with noise that differs for every setting."""
        rng = np.random.default_rng(int(setting.alpha * 1_000) + (metric.name == "MRR"))
        mean = 0.6 + (self._gain if setting.alpha == 0.5 else 0.0)
        if metric.name == "MRR" and setting.alpha == 0.5:
            mean -= self._lucky
        return dict(zip(QUERIES, rng.normal(mean, self._noise, 40).tolist(), strict=True))


def sweep(lists: MadeUpLists, known: MadeUpLists | None = None) -> SweepReport:
    spec = SweepSpec(dataset="x", grid=Grid(alpha=Steps(start=0, stop=1, step=0.05)))
    return run_sweep(
        spec,
        cast("SharedLists", lists),
        NOW,
        cast("SharedLists | None", known),
        lambda _stage, _done, _total: None,
    )


def test_a_real_gain_survives_on_queries_that_did_not_choose_it() -> None:
    found = sweep(MadeUpLists(0.2, 0.05))
    assert found.chosen.alpha == 0.5
    assert {choice.alpha for choice in found.choices} == {0.5}
    assert found.held_out.verdict == "better"
    assert found.held_out.difference.mean == pytest.approx(found.in_sample.difference.mean)
    assert found.advice.startswith("Take convex, alpha 0.5")
    assert found.trials[0].setting == found.chosen
    assert found.profiles["alpha"]["0.5"] == max(found.profiles["alpha"].values())


def test_luck_does_not_survive() -> None:
    found = sweep(MadeUpLists(0.0, 0.2))
    assert found.in_sample.difference.mean > 0
    assert found.held_out.difference.mean < found.in_sample.difference.mean
    assert found.held_out.verdict == "no difference shown"
    assert found.advice.startswith("Keep convex, alpha 0.7")
    assert "no gain was shown on queries that did not choose it" in found.to_text()


def test_a_gain_that_ruins_known_items_is_not_advised() -> None:
    found = sweep(MadeUpLists(0.2, 0.05), MadeUpLists(0.2, 0.05, lucky=0.5))
    assert found.held_out.verdict == "better"
    assert found.known_items is not None
    assert found.known_items.verdict == "worse"
    assert "loses known items" in found.advice


def test_the_setting_in_force_may_win() -> None:
    spec = SweepSpec(dataset="x", grid=Grid(alpha=[0.7]))
    lists = cast("SharedLists", MadeUpLists(0, 0.1))
    found = run_sweep(spec, lists, NOW, None, lambda _stage, _done, _total: None)
    assert found.advice == f"Keep {NOW}: nothing that was tried is better."
    with pytest.raises(EvaluationError, match="40 queries are too few for 50 folds"):
        run_sweep(spec.model_copy(update={"folds": 50}), lists, NOW, None, lambda _s, _d, _t: None)


def test_folds_are_even_and_drawn_by_the_seed() -> None:
    parts = split(QUERIES, 6, seed=1)
    assert sorted(query for part in parts for query in part) == sorted(QUERIES)
    assert {len(part) for part in parts} == {6, 7}
    assert parts == split(QUERIES[::-1], 6, seed=1) != split(QUERIES, 6, seed=2)


def test_each_query_is_judged_by_a_choice_made_without_it() -> None:
    # "b" wins only thanks to q0, so that it is chosen wherever q0 may vote.
    values = {"a": {"q0": 0.0, "q1": 0.5, "q2": 0.5}, "b": {"q0": 1.0, "q1": 0.4, "q2": 0.4}}
    assert best(values, ["q0", "q1", "q2"]) == "b"
    seen, chosen = held_out(values, [["q0"], ["q1"], ["q2"]])
    assert chosen == ["a", "b", "b"]
    assert seen == {"q0": 0.0, "q1": 0.4, "q2": 0.4}


def test_of_equal_settings_the_first_is_kept() -> None:
    assert best({"a": {"q": 0.3}, "b": {"q": 0.3 + 1e-12}}, ["q"]) == "a"


def test_grids() -> None:
    grid = Grid(fusion=["convex", "rrf"], alpha=Steps(start=0.1, stop=0.5, step=0.2))
    found = grid.settings(NOW)
    assert found[0] == NOW
    assert [(item.fusion, item.alpha) for item in found[1:]] == [
        (fusion, alpha) for fusion in ("convex", "rrf") for alpha in (0.1, 0.3, 0.5)
    ]
    assert {item.neighbor_share for item in found} == {0.4}
    assert len(Steps(start=0, stop=1, step=0.05).values) == 21


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dataset: [", r"sweep\.yaml is not YAML"),
        ("dataset: x", r"sweep\.yaml: grid: Field required"),
        ("{dataset: x, grid: {alpha: [2]}}", r"sweep\.yaml: grid\.alpha"),
        ("{dataset: x, grid: {beta: [0]}}", r"sweep\.yaml: grid\.beta: Extra inputs"),
        ("{dataset: x, grid: {}, metric: gain}", "'gain' is no metric; there are nDCG@k"),
        ("{dataset: x, grid: {}, folds: 1}", r"sweep\.yaml: folds"),
    ],
)
def test_faults_in_sweeps_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "sweep.yaml").write_text(text)
    with pytest.raises(EvaluationError, match=message):
        load_sweep(tmp_path / "sweep.yaml")


def test_too_many_settings_are_refused() -> None:
    fine = Steps(start=0, stop=1, step=0.001)
    spec = SweepSpec(dataset="x", grid=Grid(alpha=fine, neighbor_share=fine))
    with pytest.raises(EvaluationError, match="has 1002001 settings; at most 10000"):
        spec.settings(NOW)
