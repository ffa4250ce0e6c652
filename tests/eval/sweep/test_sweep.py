"""Choosing settings: the folds, and what the report dares to say."""

import pytest

from eval.errors import EvaluationError
from eval.sweep.folds import best, held_out, split
from eval.sweep.points import Point
from eval.sweep.report import SweepReport
from eval.sweep.spec import SweepSpec
from eval.sweep.values import Grid, IndexGrid, Steps
from tests.eval.sweep.made_up import NOW, QUERIES, MadeUpTrials, Mean, swept

SPEC = SweepSpec(dataset="x", grid=Grid(alpha=Steps(start=0, stop=1, step=0.05)))


def peak(gain: float) -> Mean:
    """Return means that are best at alpha 0.5, by `gain`."""
    return lambda point: 0.6 + (gain if point.search.alpha == 0.5 else 0.0)


def sweep(trials: MadeUpTrials, known: bool = False) -> SweepReport:
    return swept(SPEC, trials, known=known).report


def test_a_real_gain_survives_on_queries_that_did_not_choose_it() -> None:
    found = sweep(MadeUpTrials(peak(0.2), 0.05))
    assert found.chosen.search.alpha == 0.5
    assert {choice.search.alpha for choice in found.choices} == {0.5}
    assert found.held_out.verdict == "better"
    assert found.held_out.difference.mean == pytest.approx(found.in_sample.difference.mean)
    assert found.advice.take == found.chosen
    assert found.advice.reason.startswith("Take convex, alpha 0.5")
    assert found.trials[0].point == found.chosen
    assert found.profiles["alpha"]["0.5"] == max(found.profiles["alpha"].values())


def test_luck_does_not_survive() -> None:
    found = sweep(MadeUpTrials(peak(0.0), 0.2))
    assert found.in_sample.difference.mean > 0
    assert found.held_out.difference.mean < found.in_sample.difference.mean
    assert found.held_out.verdict == "no difference shown"
    assert found.advice.take is None
    assert found.advice.reason.startswith("Keep convex, alpha 0.7")
    assert "no gain was shown on queries that did not choose it" in found.to_text()


def test_a_gain_that_ruins_known_items_is_not_advised() -> None:
    found = sweep(MadeUpTrials(peak(0.2), 0.05, known=peak(-0.4)), known=True)
    assert found.held_out.verdict == "better"
    assert found.known_items is not None
    assert found.known_items.verdict == "worse"
    assert "loses known items" in found.advice.reason


def test_known_items_take_no_part_in_the_choice() -> None:
    trials = MadeUpTrials(peak(0.2), 0.05)
    sweep(trials, known=True)
    asked = [job for job in trials.jobs if job.collection == "known-items"]
    assert [sorted(setting.alpha for setting in job.settings) for job in asked] == [[0.5, 0.7]]


def test_the_setting_in_force_may_win() -> None:
    spec = SweepSpec(dataset="x", grid=Grid(alpha=[0.7]))
    found = swept(spec, MadeUpTrials(peak(0), 0.1)).report
    assert found.advice.reason == f"Keep {NOW}: nothing that was tried is better."
    with pytest.raises(EvaluationError, match="40 queries are too few for 50 folds"):
        swept(spec.model_copy(update={"folds": 50}), MadeUpTrials(peak(0), 0.1))


def test_settings_of_one_index_are_measured_together() -> None:
    index = IndexGrid(chunk_size=[100, 200], query_prefix=["", "query: "])
    spec = SweepSpec(dataset="x", index=index, grid=Grid(alpha=[0.1, 0.2, 0.3]))
    trials = MadeUpTrials(lambda point: (point.index.chunk_size or 0) / 1_000, 0.01)
    found = swept(spec, trials).report
    assert [len(job.settings) for job in trials.jobs] == [1, 3, 3, 3, 3]
    assert found.chosen.index.chunk_size == 200
    assert str(found.chosen).startswith("chunk_size 200, query_prefix ")
    assert list(found.profiles["chunk_size"]) == ["100", "200"]
    assert found.heat_map is not None
    assert (found.heat_map.across_name, found.heat_map.down_name) == ("alpha", "chunk_size")


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


def test_a_fold_chooses_among_its_own_points_only() -> None:
    values = {"a": {"q0": 0.0, "q1": 0.5}, "b": {"q0": 1.0, "q1": 0.6}}
    seen, chosen = held_out(values, [["q0"], ["q1"]], [["a"], ["a", "b"]])
    assert chosen == ["a", "b"]
    assert seen == {"q0": 0.0, "q1": 0.6}


def test_of_equal_settings_the_first_is_kept() -> None:
    assert best({"a": {"q": 0.3}, "b": {"q": 0.3 + 1e-12}}, ["q"]) == "a"


@pytest.mark.integration
def test_a_bayesian_search_finds_the_peak_and_judges_it_by_queries_that_did_not_guide_it() -> None:
    spec = SweepSpec(
        dataset="x",
        search="bayesian",
        trials=40,
        grid=Grid(alpha=Steps(start=0, stop=1, step=0.02), fusion=["convex", "rrf", "dbsf"]),
    )

    def mean(point: Point) -> float:
        return 0.5 - (point.search.alpha - 0.3) ** 2 + 0.1 * (point.search.fusion == "dbsf")

    first, again = (swept(spec, MadeUpTrials(mean, 0.01)) for _ in range(2))
    assert first.report == again.report
    assert first.report.chosen.search.fusion == "dbsf"
    assert first.report.chosen.search.alpha == pytest.approx(0.3, abs=0.1)
    assert len(first.explored.tried) == 1 + spec.folds
    assert all(len(set(points)) <= 41 for points in first.explored.tried)
    for choice, points in zip(first.report.choices, first.explored.tried[1:], strict=True):
        assert choice in points
