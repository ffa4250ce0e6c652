"""What bring-up says while it waits."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from cluster.errors import NotReadyError
from cluster.mesh.progress import Progress


def test_a_wait_says_what_it_waits_for_and_goes_on() -> None:
    written = io.StringIO()
    answers = iter(["the kettle", "the kettle", None])
    with Progress(Console(file=written), limit_s=30, logs=Path("/logs")) as progress:
        progress.wait(lambda: next(answers))
    assert written.getvalue().splitlines() == ["  waiting: the kettle (0 s)"]


def test_the_limit_names_the_part_the_logs_and_the_setting() -> None:
    silent = Console(file=io.StringIO())
    with (
        Progress(silent, limit_s=0, logs=Path("/a/logs")) as progress,
        pytest.raises(NotReadyError) as error,
    ):
        progress.wait(lambda: "the kettle")
    for part in ("the kettle", "/a/logs", "PMOVES_RAY__READY_S"):
        assert part in str(error.value)


def test_a_terminal_gets_a_spinner_and_no_lines() -> None:
    written = io.StringIO()
    answers = iter(["the kettle", None])
    console = Console(file=written, force_terminal=True, width=80)
    with Progress(console, limit_s=30, logs=Path("/logs")) as progress:
        progress.wait(lambda: next(answers))
    assert "waiting:" not in written.getvalue()
    assert "the kettle" in written.getvalue()
