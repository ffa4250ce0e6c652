"""Ingestion over HTTP: which files travel together, and under which name."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cluster.access.http import HttpAccess
from cluster.cli.app import app
from cluster.errors import UsageError
from cluster.ingestion.remote import ingest_remotely, parcels
from data_jobs.errors import SourceError
from data_jobs.sources import SourceFile, source_uri
from retrieval.ids import document_id
from retrieval.jobs import JobRequest, JobStore, SourceItem
from serve_apps.wire import JobView


def files(folder: Path, *names: str) -> list[SourceFile]:
    found = []
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        found.append(SourceFile(source_uri(path), path))
    return found


def test_files_of_one_name_travel_alone_under_their_own_ids(tmp_path: Path) -> None:
    first, other, second = files(tmp_path, "a/notes.md", "b.md", "c/notes.md")
    sent = {parcel.doc_id: parcel.files for parcel in parcels([first, other, second])}
    assert sent == {
        document_id(first.uri): [first.path],
        document_id(second.uri): [second.path],
        None: [other.path],
    }


def test_many_files_go_in_several_uploads(tmp_path: Path) -> None:
    many = files(tmp_path, *(f"{number}.txt" for number in range(450)))
    sent = list(parcels(many))
    assert [len(parcel.files) for parcel in sent] == [200, 200, 50]
    assert [path for parcel in sent for path in parcel.files] == [file.path for file in many]


def pmoves_ingest(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["ingest", *arguments])


@pytest.fixture
def runner(home: Path, gateway: str) -> Iterator[JobStore]:
    """The job store, whose jobs all come to an end with one document in quarantine."""
    store = JobStore(f"sqlite:///{home / 'state.db'}")
    ended = threading.Event()

    def finish_all() -> None:
        while not ended.wait(0.05):
            for job in store.list().jobs:
                if not job.finished:
                    store.progress(job.job_id, total=2, done=2, quarantined=1)
                    store.finish(job.job_id, "succeeded")

    thread = threading.Thread(target=finish_all)
    thread.start()
    yield store
    ended.set()
    thread.join()
    store.close()


def test_files_are_uploaded_and_their_jobs_awaited(
    tmp_path: Path, gateway: str, runner: JobStore
) -> None:
    files(tmp_path / "talks", "a.md", "b.md", "skipped.log")
    done = pmoves_ingest(str(tmp_path / "talks"), "--exclude", "*.log", "--url", gateway, "-n", "x")
    assert done.exit_code == 3, done.output
    assert "2 of 2 documents, 1 quarantined; succeeded" in done.stderr
    (job,) = runner.list().jobs
    assert job.namespace == "x"
    assert [source.name for source in job.request.sources] == ["a.md", "b.md"]


def test_a_job_that_failed_is_a_failure(tmp_path: Path, gateway: str, home: Path) -> None:
    store = JobStore(f"sqlite:///{home / 'state.db'}")
    access = HttpAccess(gateway)
    (source,) = files(tmp_path / "talks", "a.md")
    request = JobRequest(namespace="pmoves", sources=[SourceItem(uri=source.uri)])

    def fail(jobs: Sequence[JobView]) -> None:
        store.finish(jobs[0].job_id, "failed", "the disk is full")

    (job,) = ingest_remotely(access, request, fail).jobs
    assert (job.state, job.error) == ("failed", "the disk is full")
    access.close()
    store.close()


@pytest.mark.parametrize("arguments", [[], ["--namespace", "no spaces", "."]])
def test_wrong_usage_is_two(home: Path, arguments: list[str]) -> None:
    assert pmoves_ingest(*arguments).exit_code == 2


def test_what_is_not_there_is_named_before_anything_is_sent(home: Path) -> None:
    access = HttpAccess("http://127.0.0.1:9")
    request = JobRequest(namespace="pmoves", sources=[SourceItem(uri=str(home / "nix"))])
    with pytest.raises(SourceError, match="nix"):
        ingest_remotely(access, request, lambda jobs: None)
    with pytest.raises(UsageError, match="--retry-quarantined"):
        ingest_remotely(
            access, request.model_copy(update={"retry_quarantined": True}), lambda jobs: None
        )
    access.close()
