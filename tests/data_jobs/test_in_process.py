"""Jobs whose stages run in threads of one process; what they come to is in `test_stages`."""

import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from data_jobs.errors import JobError
from data_jobs.in_process import InProcess, run_in_process
from data_jobs.ingest import run_ingest
from data_jobs.monitor import LocalMonitor
from data_jobs.plan import Plan
from data_jobs.progress import Progress
from data_jobs.sandbox.sandbox import Sandbox
from data_jobs.settings import JobSettings
from data_jobs.stages.parsing import new_sandboxes
from retrieval.chunk import Vectors
from retrieval.corpus.store import Corpus
from retrieval.embedding.model import embedding_identity
from retrieval.errors import CorpusError
from retrieval.jobs import JobRequest, JobStore, SourceItem
from retrieval.settings import EmbeddingSettings
from tests.data_jobs.production import RecordingEmbedder

OBEY = "tests.data_jobs.hostile_parsers:obey"


class BrokenEmbedder(RecordingEmbedder):
    """A model that fails."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        raise self.error

    error: Exception = ZeroDivisionError("no weights")


@pytest.fixture
def settings(tmp_path: Path) -> JobSettings:
    """Settings with a corpus of their own, and little in a bundle."""
    settings = JobSettings.model_validate(
        {"home": tmp_path / "home", "ingest": {"bundle_documents": 2}}
    )
    Corpus.open(settings.corpus_uri, embedding_identity(settings.embedding))
    return settings


@pytest.fixture
def obeying(settings: JobSettings) -> Iterator[list[Sandbox]]:
    """Parsers that do what files say."""
    sandboxes = new_sandboxes(settings.ingest, OBEY)
    yield sandboxes
    for sandbox in sandboxes:
        sandbox.close()


def notes(folder: Path, count: int) -> JobRequest:
    """Write so many files; return a request for them."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.txt").write_text(f"Note {number}.")
    return request(folder)


def request(source: Path) -> JobRequest:
    """Ask for one source."""
    return JobRequest(namespace="studio", sources=[SourceItem(uri=str(source))])


def test_a_job_of_the_store_can_be_stopped(tmp_path: Path, settings: JobSettings) -> None:
    wanted = notes(tmp_path / "notes", 300)
    jobs = JobStore(settings.state_url)
    job = jobs.create(wanted)

    def stop(progress: Progress) -> None:
        if progress.listed:
            jobs.request_stop(job.job_id)

    summary = run_ingest(
        wanted, settings, stop, job.job_id, load_embedder=RecordingEmbedder, start=InProcess
    )
    jobs.close()
    assert summary.state == "stopped"
    rows = Corpus.open_existing(settings.corpus_uri).documents(["studio"], limit=500).documents
    assert summary.ready == len(rows) < 300


def test_a_parser_that_hangs_is_ended_with_its_job(
    tmp_path: Path, settings: JobSettings, obeying: list[Sandbox]
) -> None:
    (tmp_path / "hangs.txt").write_text("sleep")
    jobs = JobStore(settings.state_url)
    job = jobs.create(request(tmp_path / "hangs.txt"))

    def stop(_progress: Progress) -> None:
        if obeying[0].pid:
            jobs.request_stop(job.job_id)

    summary = run_ingest(
        job.request,
        settings,
        stop,
        job.job_id,
        load_embedder=RecordingEmbedder,
        start=partial(InProcess, obeying),
    )
    jobs.close()
    assert (summary.state, summary.left, summary.quarantined) == ("stopped", 1, 0)


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (ZeroDivisionError("no weights"), JobError, "failed: ZeroDivisionError: no weights"),
        (CorpusError("the disk is full"), CorpusError, "the disk is full"),
    ],
)
def test_what_no_document_is_to_blame_for_ends_the_job(
    tmp_path: Path,
    settings: JobSettings,
    error: Exception,
    kind: type[Exception],
    text: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(BrokenEmbedder, "error", error)
    before = threading.active_count()
    with pytest.raises(kind, match=text):
        run_ingest(
            notes(tmp_path / "notes", 50), settings, load_embedder=BrokenEmbedder, start=InProcess
        )
    assert threading.active_count() == before


def test_a_reader_that_leaves_ends_the_run(tmp_path: Path, settings: JobSettings) -> None:
    plan = Plan(notes(tmp_path / "notes", 50), settings, RecordingEmbedder)
    before, monitor = threading.active_count(), LocalMonitor()
    run = run_in_process(plan, monitor)
    assert next(run).outcome == "ready"
    run.close()
    assert threading.active_count() == before
    assert monitor.stopping()


def test_the_model_is_not_loaded_for_what_is_unchanged(
    tmp_path: Path, settings: JobSettings
) -> None:
    wanted, loaded = notes(tmp_path / "notes", 3), []

    def load(given: EmbeddingSettings) -> RecordingEmbedder:
        loaded.append(given)
        return RecordingEmbedder(given)

    for _ in range(2):
        run_ingest(wanted, settings, load_embedder=load, start=InProcess)
    assert len(loaded) == 1
