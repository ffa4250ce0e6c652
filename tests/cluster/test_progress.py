"""What bring-up says while it waits."""

import io
import threading
from pathlib import Path

import pytest
from rich.console import Console

from cluster.errors import NotReadyError
from cluster.mesh.progress import Progress


def test_a_wait_says_what_it_waits_for_and_goes_on() -> None:
    written = io.StringIO()
    answers = iter(["the kettle", "the kettle", None])
    with Progress(Console(file=written), limit_s=30, logs=Path("/logs")) as progress:
        progress.wait("the kettle", lambda: next(answers))
    assert "  waiting: the kettle (0 s)" in written.getvalue().splitlines()


def test_the_limit_names_the_part_the_logs_and_the_setting() -> None:
    silent = Console(file=io.StringIO())
    with (
        Progress(silent, limit_s=0, logs=Path("/a/logs")) as progress,
        pytest.raises(NotReadyError) as error,
    ):
        progress.wait("the kettle", lambda: "the kettle")
    for part in ("the kettle", "/a/logs", "PMOVES_RAY__READY_S"):
        assert part in str(error.value)


def test_a_terminal_gets_a_spinner_and_no_lines() -> None:
    written = io.StringIO()
    answers = iter(["the kettle", None])
    console = Console(file=written, force_terminal=True, width=80)
    with Progress(console, limit_s=30, logs=Path("/logs")) as progress:
        progress.wait("the kettle", lambda: next(answers))
    assert "waiting:" not in written.getvalue()
    assert "the kettle" in written.getvalue()


def test_a_check_that_blocks_does_not_silence_the_report() -> None:
    written = io.StringIO()
    free = threading.Event()

    class Told(io.StringIO):
        def write(self, text: str) -> int:
            # The check comes to its end only once somebody has been told of it.
            free.set()
            return written.write(text)

    def block() -> None:
        assert free.wait(30)

    with Progress(Console(file=Told()), limit_s=60, logs=Path("/logs")) as progress:
        progress.wait("the slow one", block)
    assert "waiting: the slow one" in written.getvalue()


def test_what_a_check_raises_comes_through() -> None:
    def fail() -> str | None:
        raise NotReadyError("broken")

    silent = Console(file=io.StringIO())
    with (
        Progress(silent, limit_s=60, logs=Path("/logs")) as progress,
        pytest.raises(NotReadyError, match="broken"),
    ):
        progress.wait("the kettle", fail)
