from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from retrieval import stopwatch
from retrieval.stopwatch import Stopwatch


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        """Return the present second."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the code under test."""
    made = Clock()
    monkeypatch.setattr(stopwatch, "time", made)
    return made


def test_stages_add_up_and_total_runs_from_the_start(clock: Clock) -> None:
    watch = Stopwatch(1_000)
    for _ in range(2):
        with watch.stage("dense"):
            clock.now += 0.25
    clock.now += 0.1
    assert watch.timings_ms() == {"dense": 500.0, "total": 600.0}


def test_a_failing_stage_is_timed_too(clock: Clock) -> None:
    watch = Stopwatch(1_000)

    def fail() -> None:
        with watch.stage("dense"):
            clock.now += 0.25
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert watch.timings_ms()["dense"] == 250.0


def test_a_stage_gets_its_limit_or_what_is_left(clock: Clock) -> None:
    watch = Stopwatch(1_000)
    assert watch.deadline == 101.0
    assert watch.seconds_left(300) == pytest.approx(0.3)
    assert watch.seconds_left(3_000) == pytest.approx(1.0)
    clock.now += 0.9
    assert watch.seconds_left(300) == pytest.approx(0.1)
    clock.now += 5
    assert watch.seconds_left(300) == 0.0


def test_a_stage_whose_time_is_up_is_not_begun(clock: Clock) -> None:
    watch = Stopwatch(1_000)
    assert watch.require_time(300) == pytest.approx(0.3)
    clock.now += 1
    with pytest.raises(TimeoutError):
        watch.require_time(300)


def test_spans_are_opened_around_stages() -> None:
    seen: list[str] = []

    @contextmanager
    def span(name: str) -> Iterator[None]:
        seen.append(f"+{name}")
        yield
        seen.append(f"-{name}")

    watch = Stopwatch(1_000, span)
    with watch.stage("dense"):
        seen.append("work")
    assert seen == ["+dense", "work", "-dense"]
