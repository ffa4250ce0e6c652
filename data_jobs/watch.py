"""Following a running job: progress out, requests to stop in."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from data_jobs.monitor import MonitorLostError, Tally
from data_jobs.progress import Counts, Progress
from data_jobs.stages.outcomes import DocumentOutcome
from retrieval.jobs import JobStore

OnProgress = Callable[[Progress], None]
_LOG = logging.getLogger(__name__)
_TICK_SECONDS = 0.5
_STORE_SECONDS = 1.0
_STAGES = ("list", "fetch", "read", "parse", "transcribe", "chunk", "embed", "commit")


class StoppableMonitor(Protocol):
    """The side of a monitor that the driver sees."""

    def snapshot(self) -> Tally:
        """Return the present state; `MonitorLostError` when nobody answers."""
        ...

    def stop(self) -> None:
        """Let the job end early."""
        ...

    def pause(self, paused: bool) -> None:
        """Let the job rest, or go on."""
        ...


class JobWatch:
    """Tells about a job twice a second while it is entered, from a thread of its own.

    Progress goes to `on_progress` and, once a second, to the job's row in `jobs`;
    a request to stop found there goes to `monitor`.
    """

    def __init__(
        self,
        job_id: str,
        jobs: JobStore,
        monitor: StoppableMonitor,
        on_progress: OnProgress | None = None,
    ) -> None:
        self.counts = Counts()
        self.deleted = 0
        self.stopped = self._paused = False
        self._job_id = job_id
        self._jobs = jobs
        self._monitor = monitor
        self._on_progress = on_progress or (lambda progress: None)
        self._doing = "starting"
        self._started = time.monotonic()
        self._first: tuple[float, int] | None = None
        self._stored = 0.0
        self._tally = Tally()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tick_until_end, daemon=True)

    def add(self, document: DocumentOutcome) -> None:
        """Count one document."""
        self._doing = ""
        self.counts.add(document)
        if self._first is None:
            self._first = time.monotonic(), self.counts.done

    def doing(self, what: str) -> None:
        """Say what the driver itself is busy with."""
        self._doing = what

    def progress(self) -> Progress:
        """Return the state of the job."""
        tally, outcomes, done = self._tally, self.counts.outcomes, self.counts.done
        listed = tally.counts["list"] + tally.counts["attachments"]
        return Progress(
            doing="paused" if self._paused else tally.doing or self._doing,
            total=listed if tally.complete else None,
            done=done,
            ready=outcomes["ready"],
            quarantined=outcomes["quarantined"],
            skipped=outcomes["skipped"],
            passages=tally.counts["passages"],
            listed=listed,
            stages={stage: tally.counts[stage] for stage in _STAGES} | {"delete": self.deleted},
            seconds=time.monotonic() - self._started,
            rate=self._rate(done),
        )

    def __enter__(self) -> Self:
        self._on_progress(self.progress())
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
        if error is None:
            self._tick(final=True)

    def _rate(self, done: int) -> float | None:
        if self._first is None:
            return None
        since, already = self._first
        seconds = time.monotonic() - since
        return (done - already) / seconds if seconds >= 1 and done > already else None

    def _tick_until_end(self) -> None:
        while not self._ended.wait(_TICK_SECONDS):
            try:
                self._tick()
            except Exception as error:
                # Telling must not end the job; the driver meets lasting trouble itself.
                _LOG.warning("progress cannot be told: %s", error)

    def _tick(self, final: bool = False) -> None:
        with contextlib.suppress(MonitorLostError):
            self._tally = self._monitor.snapshot()
        progress = self.progress()
        self._on_progress(progress)
        if final or time.monotonic() - self._stored >= _STORE_SECONDS:
            self._stored = time.monotonic()
            self._store(progress)

    def _store(self, progress: Progress) -> None:
        self._jobs.progress(
            self._job_id,
            total=progress.total,
            done=progress.done,
            quarantined=progress.quarantined,
            skipped=progress.skipped,
            stages=dict(progress.stages),
        )
        job = self._jobs.get(self._job_id)
        self.stopped = self.stopped or (job is not None and job.stop_requested)
        paused = job is not None and bool(job.pause_requested) and not self.stopped
        with contextlib.suppress(MonitorLostError):
            if self.stopped:
                self._monitor.stop()
            if paused != self._paused:
                self._monitor.pause(paused)
                self._paused = paused
