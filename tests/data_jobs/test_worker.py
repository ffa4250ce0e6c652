"""The process that stays for small jobs."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_jobs.settings import JobSettings
from data_jobs.worker import JobWorker
from retrieval.corpus.store import Corpus
from retrieval.embedding.model import embedding_identity
from retrieval.job_request import JobRequest, SourceItem
from retrieval.jobs import Job, JobStore
from tests.data_jobs.production import RecordingEmbedder


@pytest.fixture
def settings(tmp_path: Path) -> JobSettings:
    """Settings with two hands, open to files of one folder."""
    return JobSettings.model_validate(
        {
            "home": tmp_path / "home",
            "ingest": {"small_jobs": 2, "small_documents": 3, "roots": [tmp_path / "open"]},
        }
    )


@pytest.fixture
def jobs(settings: JobSettings) -> Iterator[JobStore]:
    """The store of jobs, beside a corpus."""
    Corpus.open(settings.corpus_uri, embedding_identity(settings.embedding))
    store = JobStore(settings.state_url)
    yield store
    store.close()


@pytest.fixture
def worker(settings: JobSettings, jobs: JobStore) -> Iterator[JobWorker]:
    """The worker, with a stand-in for the model."""
    with JobWorker(settings, RecordingEmbedder) as made:
        yield made


def stored(jobs: JobStore, folder: Path, *texts: str) -> Job:
    """Store a job for files with these texts."""
    folder.mkdir(parents=True)
    for number, text in enumerate(texts):
        (folder / f"{number}.txt").write_text(text)
    wanted = JobRequest(namespace="studio", sources=[SourceItem(uri=str(folder))])
    return jobs.create(wanted)


def ended(jobs: JobStore, job: Job) -> Job:
    """Return the job once it has ended."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = jobs.get(job.job_id)
        assert found is not None
        if found.finished:
            return found
        time.sleep(0.02)
    raise AssertionError("the job has not ended")


def test_jobs_are_run_to_their_end(worker: JobWorker, jobs: JobStore, tmp_path: Path) -> None:
    made = [stored(jobs, tmp_path / "open" / str(n), f"Note {n}.") for n in range(4)]
    for pair in (made[:2], made[2:]):
        assert all(worker.take(job.job_id) for job in pair)
        found = [ended(jobs, job) for job in pair]
        assert [(job.state, job.done, job.quarantined) for job in found] == [
            ("succeeded", 1, 0)
        ] * 2
        while worker.running:
            time.sleep(0.01)


def test_more_than_there_are_hands_for_is_not_taken(
    worker: JobWorker, jobs: JobStore, tmp_path: Path
) -> None:
    made = [stored(jobs, tmp_path / "open" / str(n), f"Note {n}.") for n in range(3)]
    for job in made[:2]:
        jobs.request_pause(job.job_id, True)
    assert [worker.take(job.job_id) for job in made] == [True, True, False]
    assert sorted(worker.running) == sorted(job.job_id for job in made[:2])
    for job in made[:2]:
        jobs.request_pause(job.job_id, False)
    assert {ended(jobs, job).state for job in made[:2]} == {"succeeded"}


def test_what_is_not_small_is_not_taken(worker: JobWorker, jobs: JobStore, tmp_path: Path) -> None:
    large = stored(jobs, tmp_path / "open" / "large", "a", "b", "c", "d")
    over = stored(jobs, tmp_path / "open" / "over", "a")
    jobs.finish(over.job_id, "succeeded")
    assert [worker.take(name) for name in (large.job_id, over.job_id, "job-of-nobody")] == [
        False
    ] * 3


def test_files_outside_the_roots_are_refused(
    worker: JobWorker, jobs: JobStore, tmp_path: Path
) -> None:
    job = stored(jobs, tmp_path / "closed", "Nobody may read this.")
    assert worker.take(job.job_id)
    assert ended(jobs, job).quarantined == 1


def test_a_job_that_fails_frees_its_hands(
    worker: JobWorker, jobs: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_named: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Corpus, "commit", fail)
    for number in range(3):
        job = stored(jobs, tmp_path / "open" / str(number), "text")
        assert worker.take(job.job_id)
        found = ended(jobs, job)
        assert (found.state, "no space left" in (found.error or "")) == ("failed", True)
        while worker.running:
            time.sleep(0.01)
