"""What people see of a job, on a terminal and elsewhere."""

import io
import threading

import pytest
from rich.console import Console

from data_jobs.progress import Progress, Reason, Summary
from data_jobs.reporting import (
    BarReporter,
    LineReporter,
    duration,
    print_summary,
    progress_text,
    reporter,
)

HALF = Progress(
    total=80, done=40, ready=30, quarantined=4, skipped=6, passages=900, listed=80, rate=8.0
)


class CountingFile(io.StringIO):
    """Tells when so many lines were written."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._lines = lines
        self.reached = threading.Event()

    def write(self, text: str) -> int:
        count = super().write(text)
        if self.getvalue().count("\n") >= self._lines:
            self.reached.set()
        return count


def test_a_line_tells_everything() -> None:
    assert progress_text(HALF) == (
        "40 of 80, 30 ready, 6 unchanged, 4 quarantined, 900 passages, 8.0/s, 5 s left"
    )
    early = Progress(doing="loading the model", listed=7)
    assert progress_text(early) == "0 of 7 or more, 0 ready, loading the model"
    assert progress_text(Progress(doing="starting the workers")) == "starting the workers"


def test_lines_go_on_while_nothing_happens() -> None:
    file = CountingFile(5)
    with LineReporter(file, seconds=0.04) as report:
        report.doing("starting Ray")
        assert file.reached.wait(60)
    assert {line.partition(" s  ")[2] for line in file.getvalue().splitlines()} == {"starting Ray"}


def test_lines_do_not_flood() -> None:
    file = io.StringIO()
    with LineReporter(file, seconds=3_600) as report:
        report.doing("starting Ray")
        for _ in range(100):
            report(HALF)
    assert file.getvalue().count("\n") == 1


def test_a_terminal_gets_a_bar() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=160)
    report = reporter(console)
    assert isinstance(report, BarReporter)
    with report:
        report.doing("starting Ray")
        report(HALF)
    assert "40/80" in file.getvalue()
    assert "4 quarantined" in file.getvalue()
    assert isinstance(reporter(Console(file=io.StringIO())), LineReporter)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (185, "3:05 min"), (7_620, "2:07 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_summary_names_failures_by_reason() -> None:
    reason = Reason("parse", "UnreadableFileError", 9, [("file:///a [1].pdf", "It is cut off.")])
    summary = Summary("j", "studio", "succeeded", 30, 20, 9, 1, 240, 2, 61.0, 17, [reason])
    file = io.StringIO()
    print_summary(summary, Console(file=file, soft_wrap=True))
    assert file.getvalue().splitlines() == [
        "20 ready (240 passages), 1 unchanged, 9 quarantined, 2 pages need OCR in 1:01 min; "
        "namespace studio, index version 17",
        "  9 × UnreadableFileError while trying to parse",
        "    file:///a [1].pdf",
        "      It is cut off.",
        "    and 8 more",
        "  --retry-quarantined takes them up again, a changed file is taken up anyway",
    ]
