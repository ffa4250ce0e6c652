"""A running job tells how far it is, and hears when it is to stop."""

import threading
from pathlib import Path

import pytest

from data_jobs.monitor import LocalMonitor
from data_jobs.progress import Progress
from data_jobs.stages.outcomes import DocumentOutcome
from data_jobs.watch import JobWatch
from retrieval.jobs import Job, JobRequest, JobStore


@pytest.fixture
def jobs(tmp_path: Path) -> JobStore:
    return JobStore(f"sqlite:///{tmp_path / 'state.db'}")


@pytest.fixture
def job(jobs: JobStore) -> Job:
    return jobs.start(jobs.create(JobRequest(namespace="n", sources=[])).job_id)


def ready(number: int) -> DocumentOutcome:
    return DocumentOutcome(f"file:///{number}", str(number), "ready", chunks=3)


def broken(number: int) -> DocumentOutcome:
    message = f"page {number} is missing"
    return DocumentOutcome("file:///x", "x", "quarantined", "parse", "UnreadableFileError", message)


def test_progress_reaches_the_caller_and_the_store(jobs: JobStore, job: Job) -> None:
    monitor, told = LocalMonitor(), list[Progress]()
    with JobWatch(job.job_id, jobs, monitor, told.append) as watch:
        monitor.add("list", 9)
        monitor.add("attachments", 1)
        monitor.listed()
        for number in range(4):
            watch.add(ready(number))
        watch.add(broken(1))
        watch.add(DocumentOutcome("file:///s", "s", "skipped"))
    assert told[0].doing == "starting"
    last = told[-1]
    assert (last.total, last.done, last.ready, last.quarantined, last.skipped) == (10, 6, 4, 1, 1)
    row = jobs.get(job.job_id)
    assert row is not None
    assert (row.total, row.done, row.quarantined, row.skipped) == (10, 6, 1, 1)
    assert row.stages["list"] == 9
    assert watch.counts.chunks == 12


def test_the_total_is_unknown_until_listing_is_over(jobs: JobStore, job: Job) -> None:
    monitor = LocalMonitor()
    with JobWatch(job.job_id, jobs, monitor) as watch:
        monitor.add("list", 9)
    assert (watch.progress().total, watch.progress().listed) == (None, 9)
    assert watch.progress().eta_s is None


def test_a_request_to_stop_reaches_the_stages(jobs: JobStore, job: Job) -> None:
    stopped = threading.Event()

    class Stoppable(LocalMonitor):
        def stop(self) -> None:
            super().stop()
            stopped.set()

    monitor = Stoppable()
    with JobWatch(job.job_id, jobs, monitor) as watch:
        jobs.request_stop(job.job_id)
        assert stopped.wait(60)
    assert watch.stopped
    assert monitor.stopping()


def test_trouble_with_the_store_does_not_end_the_watch(
    jobs: JobStore, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, told = threading.Event(), threading.Event()
    progress = jobs.progress

    def fail(*_: object, **__: object) -> None:
        monkeypatch.setattr(jobs, "progress", progress)
        tried.set()
        raise OSError("disk full")

    monkeypatch.setattr(jobs, "progress", fail)
    with JobWatch(
        job.job_id, jobs, LocalMonitor(), lambda _: told.set() if tried.is_set() else None
    ):
        assert tried.wait(60)
        assert told.wait(60)


def test_failures_are_counted_by_reason_with_a_few_examples(jobs: JobStore, job: Job) -> None:
    with JobWatch(job.job_id, jobs, LocalMonitor()) as watch:
        for number in range(20):
            watch.add(broken(number))
    (reason,) = watch.counts.reasons.values()
    assert (reason.stage, reason.type, reason.count) == ("parse", "UnreadableFileError", 20)
    assert reason.examples[0] == ("file:///x", "page 0 is missing")
    assert len(reason.examples) == 5
