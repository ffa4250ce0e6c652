"""Telling people about a job: a bar on a terminal, lines anywhere else."""

import threading
import time
from types import TracebackType
from typing import IO, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from data_jobs.progress import Progress, Summary

_LINE_SECONDS = 2.0


class Reporter(Protocol):
    """Shows what a job does for as long as it is entered."""

    def doing(self, what: str) -> None:
        """Say what goes on before there is any progress."""
        ...

    def __call__(self, progress: Progress) -> None:
        """Show how far the job is."""
        ...

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop showing."""
        ...


def reporter(console: Console) -> Reporter:
    """Return what suits `console`."""
    return BarReporter(console) if console.is_terminal else LineReporter(console.file)


class LineReporter:
    """Writes one line whenever something changes, and at least every two seconds."""

    def __init__(self, file: IO[str], seconds: float = _LINE_SECONDS) -> None:
        self._file = file
        self._seconds = seconds
        self._started = time.monotonic()
        self._text = ""
        self._lock = threading.Lock()
        self._written = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._repeat, daemon=True)

    def doing(self, what: str) -> None:
        """Write what goes on, at once."""
        self._text = what
        self._write(0.0)

    def __call__(self, progress: Progress) -> None:
        """Write how far the job is, unless a line was written just now."""
        self._text = progress_text(progress)
        self._write(self._seconds * 0.75)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _repeat(self) -> None:
        while not self._ended.wait(self._seconds / 4):
            self._write(self._seconds * 0.75)

    def _write(self, pause: float) -> None:
        with self._lock:
            now = time.monotonic()
            if self._text and now - self._written >= pause:
                self._written = now
                print(f"{now - self._started:7.1f} s  {self._text}", file=self._file, flush=True)


class BarReporter:
    """Shows a bar with rate, remaining time and counts by outcome."""

    def __init__(self, console: Console) -> None:
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            _StateColumn(),
            console=console,
        )
        self._task: TaskID = self._bar.add_task("ingest", total=None, state="")

    def doing(self, what: str) -> None:
        """Show what goes on."""
        self._bar.update(self._task, state=what)

    def __call__(self, progress: Progress) -> None:
        """Show how far the job is."""
        self._bar.update(
            self._task,
            completed=progress.done,
            total=progress.total,
            state=state_text(progress),
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()


class _StateColumn(TextColumn):
    """Rate, remaining time and counts, in the colours of the terminal."""

    def __init__(self) -> None:
        super().__init__("{task.fields[state]}", markup=False)


def progress_text(progress: Progress) -> str:
    """Return one line about how far a job is."""
    if not progress.listed:
        return progress.doing or "listing files"
    total = progress.total if progress.total is not None else f"{progress.listed} or more"
    return f"{progress.done} of {total}, {state_text(progress)}"


def state_text(progress: Progress) -> str:
    """Return counts by outcome, rate, remaining time and what takes time."""
    parts = [f"{progress.ready} ready"]
    parts += [f"{progress.skipped} unchanged"] * bool(progress.skipped)
    parts += [f"{progress.quarantined} quarantined"] * bool(progress.quarantined)
    parts += [f"{progress.passages} passages"] * bool(progress.passages)
    if progress.rate:
        parts.append(f"{progress.rate:.1f}/s")
    if progress.eta_s is not None:
        parts.append(f"{duration(progress.eta_s)} left")
    parts += [progress.doing] * bool(progress.doing)
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Return `seconds` as people write it: 42 s, 3:05 min, 2:07 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3_600}:{whole % 3_600 // 60:02} h"


def print_summary(summary: Summary, console: Console) -> None:
    """Print what a job came to, failures by reason."""
    console.print(Text(_headline(summary)))
    for reason in summary.reasons:
        console.print(Text(f"  {reason.count} × {reason.type} while trying to {reason.stage}"))
        for source, message in reason.examples:
            console.print(Text(f"    {source}\n      {message}"))
        if (more := reason.count - len(reason.examples)) > 0:
            console.print(Text(f"    and {more} more"))
    if summary.reasons:
        console.print(
            "  --retry-quarantined takes them up again, a changed file is taken up anyway"
        )


def _headline(summary: Summary) -> str:
    parts = [f"{summary.ready} ready ({summary.chunks} passages)", f"{summary.skipped} unchanged"]
    parts.append(f"{summary.quarantined} quarantined")
    parts += [f"{summary.deleted} deleted"] * bool(summary.deleted)
    parts += [f"{summary.left} left for later"] * bool(summary.left)
    if summary.needs_ocr:
        parts.append(f"{summary.needs_ocr} pages need OCR")
    outcome = "" if summary.state == "succeeded" else f"{summary.state}: "
    return (
        f"{outcome}{', '.join(parts)} in {duration(summary.seconds)}; "
        f"namespace {summary.namespace}, index version {summary.index_version}"
    )
