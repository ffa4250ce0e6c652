"""Watching: what is new is ingested once it has settled, and what stays undone starts no circle."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from data_jobs.backfill.watching import Watcher, keep_watching
from data_jobs.errors import JobError
from retrieval.jobs import JobRequest, SourceItem
from tests.data_jobs.production import NAMESPACE, Production


class Desk:
    """A folder that is watched, and the runs that watching led to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "files"
        self.folder.mkdir()
        self.made = Production(folder / "home")
        self.request = JobRequest(
            namespace=NAMESPACE, sources=[SourceItem(uri=str(self.folder))], exclude=["*.part"]
        )
        self.watcher = Watcher(self.request, self.made.settings)
        self.runs: list[list[str]] = []
        self.told: list[str] = []

    def run(self) -> None:
        found = self.made.run_request(self.request)
        self.runs.append([name for name, each in found.items() if each.outcome != "skipped"])

    def watch(self, *between: Callable[[], object]) -> None:
        """Watch, with one of `between` done in each pause, until these are at an end."""
        pauses = iter(between)

        def wait(_seconds: float) -> None:
            step = next(pauses, None)
            if step is None:
                raise KeyboardInterrupt
            step()

        with pytest.raises(KeyboardInterrupt):
            keep_watching(self.watcher, self.run, self.told.append, 1.0, wait)

    def write(self, name: str, text: str) -> Callable[[], object]:
        return lambda: (self.folder / name).write_text(text)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def nothing() -> None:
    """Let time pass."""


def test_new_and_changed_files_are_ingested_once_they_have_settled(desk: Desk) -> None:
    desk.write("a.txt", "Old.")()
    desk.watch(
        desk.write("b.txt", "New"),
        desk.write("b.txt", "New and longer."),
        nothing,
        nothing,
        desk.write("a.txt", "Changed at last."),
        desk.write("c.part", "Not yet."),
        nothing,
    )
    assert desk.runs == [["a.txt"], ["b.txt"], ["a.txt"]]
    assert desk.made.texts() == ["Changed at last.", "New and longer."]


def test_what_cannot_be_read_or_seems_new_forever_starts_no_circle(desk: Desk) -> None:
    (desk.folder / "noise.bin").write_bytes(bytes(range(256)))
    later = time.time() + 86_400
    desk.write("tomorrow.txt", "Written tomorrow.")()
    os.utime(desk.folder / "tomorrow.txt", (later, later))
    desk.watch(nothing, nothing, nothing)
    assert desk.runs == [["noise.bin", "tomorrow.txt"]]


def test_a_job_that_fails_is_told_and_tried_again(desk: Desk) -> None:
    desk.write("a.txt", "Text.")()
    run, broken = desk.run, iter([True, False])

    def sometimes() -> None:
        if next(broken):
            raise JobError("the disk is full")
        run()

    desk.run = sometimes  # type: ignore[method-assign]
    desk.watch(nothing)
    assert desk.told == ["the disk is full; trying again in 1 s"]
    assert desk.runs == [["a.txt"]]
