"""Slopes of figures over time, and their intervals."""

import random
from pathlib import Path

import pytest

from cluster.chaos.sampling import REST, Sample
from cluster.chaos.soak import HEADERS, SoakReport, trends
from cluster.chaos.trends import trend

MOMENTS = [10.0 * at for at in range(100)]


def test_a_straight_line_has_its_slope_and_no_interval() -> None:
    found = trend("threads", MOMENTS, [5 + moment / 36 for moment in MOMENTS])
    assert found.per_hour == pytest.approx(100)
    assert found.low == pytest.approx(found.high)
    assert (found.first, found.grows) == (5, True)


def test_the_interval_holds_the_true_slope_of_noisy_values_as_often_as_it_says() -> None:
    noise = random.Random(5)
    held = 0
    for _ in range(400):
        values = [3.0 + 2.0 * moment / 3_600 + noise.gauss(0, 1) for moment in MOMENTS]
        found = trend("memory", MOMENTS, values)
        held += found.low <= 2.0 <= found.high
    assert 360 <= held <= 396


def test_noise_alone_does_not_grow() -> None:
    noise = random.Random(6)
    grown = [trend("x", MOMENTS, [noise.gauss(0, 1) for _ in MOMENTS]).grows for _ in range(100)]
    assert sum(grown) <= 8


def test_two_samples_are_too_few() -> None:
    with pytest.raises(ValueError, match="2 samples make no trend"):
        trend("x", [0, 1], [0, 1])


def test_every_figure_of_a_sample_has_its_trend() -> None:
    samples = [
        Sample(
            at_s=at,
            memory_bytes={"gateway": 1_000_000 * at, REST: 5},
            files=7,
            threads=9,
            versions=at,
            disk_bytes=0,
        )
        for at in range(5)
    ]
    found = {one.what: one for one in trends(samples)}
    assert found["memory of gateway, MB"].per_hour == pytest.approx(3_600)
    assert found["open files"].per_hour == pytest.approx(0)
    assert found["versions on disk"].last == 4
    assert "corpus on disk, MB" in found


def test_a_report_fails_where_an_answer_is_missing_or_wrong(tmp_path: Path) -> None:
    given: dict[str, object] = {
        "minutes": 5,
        "warm_up_s": 60,
        "samples": 24,
        "outcomes": {"search: answered": 9},
        "unanswered": 0,
        "held_back": 0,
        "wrong_answers": [],
        "lost_writes": [],
        "trends": [trend("x", [0, 1, 2], [1, 2, 4])],
    }
    report = SoakReport.model_validate(given)
    assert report.ok
    assert len(report.rows()[0]) == len(HEADERS)
    assert "9 search: answered" in report.summary()[0]
    for wrong in ({"unanswered": 1}, {"wrong_answers": ["x"]}, {"lost_writes": ["x"]}):
        assert not SoakReport.model_validate(given | wrong).ok
