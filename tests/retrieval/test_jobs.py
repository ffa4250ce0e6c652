import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from retrieval.errors import CorpusError, InvalidInputError
from retrieval.jobs import Job, JobRequest, JobState, JobStore, SourceItem
from tests.retrieval.building import run_together

REQUEST = JobRequest(
    namespace="ns",
    sources=[SourceItem(uri="file:///a b.pdf", doc_id="d", metadata={"é": [1, None]})],
    include=["*.pdf"],
    metadata={"show": "one"},
)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database in a folder that is not there yet."""
    return f"sqlite:///{tmp_path / 'my home' / 'state.db'}"


@pytest.fixture
def jobs(url: str) -> Iterator[JobStore]:
    """An empty store."""
    made = JobStore(url)
    yield made
    made.close()


def test_a_new_job_is_queued_and_kept_as_asked_for(jobs: JobStore, url: str) -> None:
    job = jobs.create(REQUEST)
    assert (job.state, job.request, job.total, job.done) == ("queued", REQUEST, None, 0)
    again = JobStore(url)
    assert again.get(job.job_id) == jobs.get(job.job_id) == job
    again.close()


def test_the_way_of_a_job(jobs: JobStore) -> None:
    job = jobs.create(REQUEST)
    jobs.set_runner(job.job_id, "ray-1")
    started = jobs.start(job.job_id)
    assert (started.state, started.runner_id) == ("running", "ray-1")
    assert started.started_at is not None
    jobs.progress(job.job_id, total=10, done=4, quarantined=1, skipped=2, stages={"parse": 3})
    jobs.progress(job.job_id, done=5, total=None)
    jobs.finish(job.job_id, "succeeded", index_version=7)
    ended = jobs.get(job.job_id)
    assert ended is not None
    counts = (ended.total, ended.done, ended.quarantined, ended.skipped, ended.stages)
    assert counts == (10, 5, 1, 2, {"parse": 3})
    assert (ended.state, ended.finished, ended.error) == ("succeeded", True, None)
    assert ended.index_version == 7
    assert ended.finished_at is not None
    assert job.created_at < started.started_at <= ended.finished_at <= ended.updated_at


def test_a_failed_job_says_why_and_may_start_again(jobs: JobStore) -> None:
    job = jobs.create(REQUEST, "mine")
    jobs.finish("mine", "failed", "no cluster")
    failed = jobs.get("mine")
    assert failed is not None
    assert (failed.state, failed.error, failed.finished) == ("failed", "no cluster", True)
    assert jobs.start(job.job_id).error is None


def test_stopping(jobs: JobStore) -> None:
    job = jobs.create(REQUEST)
    assert not jobs.stop_requested(job.job_id)
    assert jobs.request_stop(job.job_id).stop_requested
    assert jobs.stop_requested(job.job_id)
    jobs.finish(job.job_id, "stopped")
    ended = jobs.create(REQUEST)
    jobs.finish(ended.job_id, "succeeded")
    assert not jobs.request_stop(ended.job_id).stop_requested


def test_unknown_jobs(jobs: JobStore) -> None:
    assert jobs.get("nobody") is None
    assert not jobs.stop_requested("nobody")
    for work in (
        lambda: jobs.start("nobody"),
        lambda: jobs.finish("nobody", "failed"),
        lambda: jobs.progress("nobody", done=1),
        lambda: jobs.request_stop("nobody"),
    ):
        with pytest.raises(InvalidInputError, match="there is no job 'nobody'"):
            work()


def test_an_id_is_taken_once(jobs: JobStore) -> None:
    jobs.create(REQUEST, "mine")
    with pytest.raises(InvalidInputError, match="there is a job 'mine' already"):
        jobs.create(REQUEST, "mine")


def test_unknown_progress_is_refused(jobs: JobStore) -> None:
    job = jobs.create(REQUEST)
    with pytest.raises(InvalidInputError, match="'state'"):
        jobs.progress(job.job_id, state=1)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_give_every_job_once_newest_first(jobs: JobStore, limit: int) -> None:
    made = [jobs.create(REQUEST.model_copy(update={"namespace": f"n{at % 2}"})) for at in range(7)]
    for namespaces in (None, ["n0"], ["n0", "n1"], []):
        wanted = [
            job for job in reversed(made) if namespaces is None or job.namespace in namespaces
        ]
        found: list[Job] = []
        cursor: str | None = None
        while True:
            page = jobs.list(namespaces, limit=limit, cursor=cursor)
            assert len(page.jobs) <= limit
            found += page.jobs
            if (cursor := page.next_cursor) is None:
                break
        assert found == wanted


@given(
    st.none() | st.integers(0, 1_000),
    st.integers(0, 1_000),
    st.integers(0, 10_000),
    st.sampled_from(["queued", "running", "succeeded", "failed", "stopped"]),
)
def test_rate_and_time_left(
    total: int | None, done: int, milliseconds: int, state: JobState
) -> None:
    later = NOON + timedelta(milliseconds=milliseconds)
    job = Job(
        job_id="j", namespace="ns", state=state, request=REQUEST, total=total, done=done,
        created_at=NOON, started_at=NOON, updated_at=later,
    )  # fmt: skip
    if done and milliseconds:
        assert job.rate == pytest.approx(done * 1_000 / milliseconds)
    else:
        assert job.rate is None
    if job.finished:
        assert job.eta_s == 0
    elif total is None or job.rate is None:
        assert job.eta_s is None
    else:
        assert job.eta_s == pytest.approx(max(0, total - done) / job.rate)


def test_a_job_that_has_not_started_has_no_rate(jobs: JobStore) -> None:
    job = jobs.create(REQUEST)
    assert (job.rate, job.eta_s) == (None, None)


@pytest.mark.parametrize(
    "fields",
    [{"namespace": "a b"}, {"sources": [{"url": "x"}]}, {"recurse": True}, {"include": "*.pdf"}],
)
def test_unfit_requests_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        JobRequest.model_validate({"namespace": "ns", "sources": []} | fields)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:////dev/null/x/state.db", "Not a directory"),
        ("not a url", "state database given by state.url"),
        ("nothing://u:secret@host/db", r"nothing://u:\*\*\*@host/db"),
    ],
)
def test_a_database_that_cannot_be_opened_says_what_to_do(url: str, message: str) -> None:
    with pytest.raises(CorpusError, match=f"{message}.*PMOVES_STATE__URL") as refused:
        JobStore(url)
    assert "secret" not in str(refused.value)


def test_threads_update_one_store(jobs: JobStore) -> None:
    made = [jobs.create(REQUEST) for _ in range(4)]

    def work(job: Job) -> None:
        for done in range(1, 11):
            jobs.progress(job.job_id, done=done)

    run_together([partial(work, job) for job in made])
    assert [job.done for job in jobs.list().jobs] == [10] * 4


WORKER = """
import sys
from retrieval.jobs import JobRequest, JobStore

print("ready", flush=True)
sys.stdin.readline()
jobs = JobStore(sys.argv[1])
jobs.create(JobRequest(namespace="ns", sources=[]), sys.argv[2])
for done in range(1, 6):
    jobs.progress(sys.argv[2], done=done)
jobs.finish(sys.argv[2], "succeeded")
jobs.close()
"""


@pytest.mark.integration
def test_processes_create_and_use_one_database_at_once(url: str) -> None:
    names = ["a", "b", "c"]
    workers = [
        Popen([sys.executable, "-c", WORKER, url, name], stdin=PIPE, stdout=PIPE, text=True)
        for name in names
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    assert [worker.communicate(timeout=60)[0] for worker in workers] == [""] * 3
    assert [worker.returncode for worker in workers] == [0] * 3
    jobs = JobStore(url)
    found = {job.job_id: (job.state, job.done) for job in jobs.list().jobs}
    jobs.close()
    assert found == dict.fromkeys(names, ("succeeded", 5))
