"""Shapes of figures."""

import pytest

from eval.metrics.latency import percentile_ms
from eval.pages.charts import Scale, distributions
from eval.statistics import Estimate


def test_an_axis_shows_everything() -> None:
    scale = Scale.of([Estimate(mean=0.5, low=0.4, high=0.8)], also=[0.0])
    assert scale.place(0.4) == 50
    shape = scale.whisker(Estimate(mean=0.6, low=0.4, high=0.8))
    assert (shape.low, shape.mean, shape.high) == (50, 75, 100)


def test_an_axis_of_one_value_has_it_in_the_middle() -> None:
    assert Scale.of([], [3.0]).place(3.0) == 50
    assert Scale.of([]).place(0.5) == 50


def test_every_answer_is_counted_once_on_one_axis() -> None:
    fast, slow = [0.001 * n for n in range(1, 50)], [0.0, 1.0, 2.0]
    found = distributions({"hybrid": fast, "dense": slow, "lexical": []})
    assert [item.name for item in found] == ["hybrid", "dense"]
    assert [sum(bar.count for bar in item.bars) for item in found] == [49, 3]
    assert {item.low for item in found} == {"0.01 ms"}
    assert {item.high for item in found} == {"2e+03 ms"}
    assert max(bar.left + bar.width for bar in found[1].bars) <= 100
    assert found[0].marks[0].label == f"p50 {percentile_ms(fast, 'p50_ms'):.1f} ms"


def test_bars_stand_for_their_share() -> None:
    (found,) = distributions({"hybrid": [0.001] * 4 + [0.1] * 2})
    assert [bar.height for bar in found.bars] == pytest.approx([100, 50])
