"""When a setting is taken, under each rule."""

import pytest

from eval.sweep.points import Point
from eval.sweep.report import SweepReport
from eval.sweep.spec import SweepSpec
from eval.sweep.values import Grid
from tests.eval.sweep.made_up import MadeUpTrials, Mean, swept

SPEC = SweepSpec(dataset="x", rule="predecessor", grid=Grid(alpha=[0.3, 0.5]))


def at_half(value: float, otherwise: float) -> Mean:
    return lambda point: value if point.search.alpha == 0.5 else otherwise


def sweep(mean: Mean, seconds: Mean, noise: float = 0.01) -> SweepReport:
    return swept(SPEC, MadeUpTrials(mean, noise, seconds=seconds)).report


def same(_point: Point) -> float:
    return 0.02


def test_the_predecessors_rule_judges_recall_at_five_and_times_every_trial() -> None:
    found = sweep(at_half(0.6, 0.6), same)
    assert found.metric == "Recall@5"
    assert [trial.seconds for trial in found.trials] == pytest.approx([0.0239] * 3)
    assert "mean ms" in found.to_text()
    assert found.faster is None


@pytest.mark.parametrize(("gain", "taken"), [(0.04, False), (0.06, True)])
def test_five_percent_more_recall_is_taken(gain: float, taken: bool) -> None:
    # Slower, so that only the gain can speak for it.
    found = sweep(at_half(0.6 * (1 + gain), 0.6), at_half(0.04, 0.02), noise=0.001)
    assert found.held_out.verdict == "better"
    assert (found.advice.take is not None) == taken
    if taken:
        assert found.advice.take == found.chosen
        assert "Recall@5 grows by 6.0% on held-out queries" in found.advice.reason


def test_a_gain_that_the_test_does_not_show_is_not_taken() -> None:
    found = sweep(at_half(0.64, 0.6), at_half(0.04, 0.02), noise=0.5)
    assert found.held_out.verdict == "no difference shown"
    assert found.advice.take is None


@pytest.mark.parametrize(("seconds", "taken"), [(0.0185, False), (0.0175, True)])
def test_a_tenth_less_time_at_equal_quality_is_taken(seconds: float, taken: bool) -> None:
    found = sweep(at_half(0.6, 0.6), at_half(seconds, 0.02), noise=0)
    assert found.faster is not None
    assert found.faster.point.search.alpha == 0.5
    assert found.faster.saved == pytest.approx(1 - seconds / 0.02)
    assert (found.advice.take is not None) == taken
    if taken:
        assert found.advice.reason.endswith("it is as good and saves 12.5% of the time.")


def test_a_quick_setting_that_is_worse_is_no_candidate() -> None:
    found = sweep(at_half(0.57, 0.6), at_half(0.001, 0.02), noise=0)
    assert found.faster is None
    assert found.advice.take is None
    assert "neither 5% more Recall@5 nor 10% less time was shown" in found.advice.reason


def test_a_quick_setting_that_loses_known_items_is_not_taken() -> None:
    trials = MadeUpTrials(
        at_half(0.6, 0.6), 0.01, known=at_half(0.3, 0.8), seconds=at_half(0.01, 0.02)
    )
    found = swept(SPEC, trials, known=True).report
    assert found.faster is not None
    assert found.faster.known_items is not None
    assert found.faster.known_items.verdict == "worse"
    assert found.advice.take is None


def test_times_are_not_taken_where_no_rule_looks_at_them() -> None:
    spec = SweepSpec(dataset="x", grid=Grid(alpha=[0.3, 0.5]))
    trials = MadeUpTrials(at_half(0.6, 0.5), 0.01)
    found = swept(spec, trials).report
    assert not any(job.timed for job in trials.jobs)
    assert found.faster is None
    assert found.trials[0].seconds is None
