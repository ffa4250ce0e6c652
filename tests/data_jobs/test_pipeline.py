"""The whole pipeline on a real Ray, with the real model where meaning matters."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from ray import available_resources, cluster_resources
from ray.exceptions import RayTaskError

from cluster.benchmarks import bench_parts
from data_jobs.errors import JobError
from data_jobs.in_process import InProcess
from data_jobs.ingest import run_ingest
from data_jobs.pipeline import error_behind
from data_jobs.progress import Progress, Summary
from data_jobs.session import ray_session
from data_jobs.settings import JobSettings
from data_jobs.sources import source_uri
from data_jobs.stages.attachments import attachment_uri
from retrieval.chunk import Document
from retrieval.corpus.store import Corpus
from retrieval.embedding.ctranslate import CTranslateEmbedder
from retrieval.errors import InvalidInputError, PmovesError
from retrieval.ids import document_id
from retrieval.jobs import Job, JobRequest, JobStore, SourceItem
from retrieval.reserving import ReserveSettings
from retrieval.settings import EmbeddingSettings
from tests.data_jobs.library import write_library
from tests.data_jobs.production import RecordingEmbedder

LIBRARY = "library"
RESERVED = 48 * 2**20
ADVICE = "\nFailed to apply UDF transform after 1/1 attempts.\nTo change retries, configure it."

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module", autouse=True)
def ray() -> Iterator[None]:
    """A Ray of this module's own."""
    with ray_session():
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mesh")


@pytest.fixture(scope="module")
def settings(home: Path) -> JobSettings:
    return JobSettings(home=home / "home", reserve=ReserveSettings(chunk={"memory": RESERVED}))


@pytest.fixture(scope="module")
def progress() -> list[Progress]:
    """What the first run told of its progress."""
    return []


@pytest.fixture(scope="module")
def memory_taken() -> list[float]:
    """The bytes of Ray's memory that were reserved while the first run went on."""
    return []


@dataclass(frozen=True)
class Run:
    """What a run told, and what the corpus held after it."""

    summary: Summary
    passages: dict[str, Sequence[float]]


@pytest.fixture(scope="module")
def first(
    home: Path, settings: JobSettings, progress: list[Progress], memory_taken: list[float]
) -> Run:
    """The first run over the library, with the real model."""

    def tell(now: Progress) -> None:
        progress.append(now)
        free = available_resources().get("memory", 0)  # type: ignore[no-untyped-call]
        memory_taken.append(cluster_resources()["memory"] - free)  # type: ignore[no-untyped-call]

    write_library(home / "library")
    summary = run_ingest(request(home / "library", namespace=LIBRARY), settings, tell)
    return Run(summary, passages(settings, LIBRARY))


@pytest.fixture(scope="module")
def second(first: Run, home: Path, settings: JobSettings) -> Run:
    """A run in this process: one file has changed, one has moved, one lies outside of the roots.

    What Ray's workers stored is the same to it.
    """
    folder = home / "library"
    (folder / "lights.md").write_text("# Lights\n\nThe key light now stands to the right.\n")
    (folder / "invoice.pdf").rename(folder / "bill.pdf")
    (home / "secret.txt").write_text("A secret.")
    ingest = settings.ingest.model_copy(update={"roots": [folder]})
    summary = run_ingest(
        request(folder, home / "secret.txt", namespace=LIBRARY),
        settings.model_copy(update={"ingest": ingest}),
        confined=True,
        load_embedder=RecordingEmbedder,
        start=InProcess,
    )
    return Run(summary, passages(settings, LIBRARY))


def request(*paths: Path, namespace: str = "studio") -> JobRequest:
    sources = [SourceItem(uri=str(path)) for path in paths]
    return JobRequest(namespace=namespace, sources=sources)


def document(settings: JobSettings, source: str, namespace: str = "studio") -> Document:
    row = Corpus.open_existing(settings.corpus_uri).document(namespace, document_id(source))
    assert row is not None
    return row


def stored_job(settings: JobSettings, job_id: str) -> Job:
    job = JobStore(settings.state_url).get(job_id)
    assert job is not None
    return job


def passages(settings: JobSettings, namespace: str = "studio") -> dict[str, Sequence[float]]:
    """Return the vector of every passage of `namespace`, by its text."""
    corpus = Corpus.open_existing(settings.corpus_uri).dataset()
    table = corpus.to_table(filter=f"namespace = '{namespace}'")
    return {row["indexed_text"]: row["vector"] for row in table.to_pylist()}


def test_every_file_ends_ready_or_quarantined_with_a_reason(
    second: Run, first: Run, home: Path, settings: JobSettings
) -> None:
    told = first.summary
    assert (told.state, told.total, told.ready, told.quarantined) == ("succeeded", 10, 8, 2)
    assert {(reason.stage, reason.type) for reason in told.reasons} == {
        ("parse", "UnreadableFileError"),
        ("parse", "UnsupportedTypeError"),
    }
    folder = home / "library"
    # One of them has another name since.
    paths = {folder / "invoice.pdf", *folder.iterdir()} - {folder / "bill.pdf"}
    rows = {path.name: document(settings, source_uri(path), LIBRARY) for path in paths}
    assert {name for name, row in rows.items() if row.status == "quarantined"} == {
        "cut.pdf",
        "noise.bin",
    }
    assert (rows["invoice.pdf"].pages, rows["invoice.pdf"].chunks) == (2, 2)
    attachment = attachment_uri(source_uri(folder / "letter.eml"), "schedule.xlsx")
    child = document(settings, attachment, LIBRARY)
    assert (child.status, child.parent_id) == ("ready", rows["letter.eml"].doc_id)


def test_progress_is_told_and_stored(
    first: Run, progress: list[Progress], settings: JobSettings
) -> None:
    assert progress[0].doing == "starting"
    assert "loading the model" in {each.doing for each in progress}
    assert (progress[-1].done, progress[-1].total, progress[-1].ready) == (10, 10, 8)
    job = stored_job(settings, first.summary.job_id)
    assert (job.state, job.total, job.done, job.quarantined) == ("succeeded", 10, 10, 2)
    assert job.stages["commit"] == 10


def test_the_actors_of_a_stage_reserve_what_the_settings_say(
    first: Run, memory_taken: list[float]
) -> None:
    assert first.summary.chunks
    actors = max(memory_taken) / RESERVED
    assert actors >= 1
    assert actors == round(actors)


def test_vectors_are_those_of_the_model(first: Run, packaged_embedder: CTranslateEmbedder) -> None:
    assert first.summary.chunks == len(first.passages)
    own = packaged_embedder.embed_passages(list(first.passages))
    likeness = np.sum(own * np.array(list(first.passages.values())), axis=1)
    assert likeness.min() > 0.999
    question = packaged_embedder.embed_queries(["How long will the film be?"])[0]
    best = max(first.passages, key=lambda text: float(np.dot(first.passages[text], question)))
    assert "four minutes" in best


def test_a_second_run_takes_up_only_what_changed(
    first: Run, second: Run, home: Path, settings: JobSettings
) -> None:
    assert (second.summary.ready, second.summary.skipped) == (2, 5)
    assert "to the left" in "\n".join(first.passages)
    texts = "\n".join(second.passages)
    assert "to the right" in texts
    assert "to the left" not in texts
    lights = source_uri(home / "library" / "lights.md")
    assert document(settings, lights, LIBRARY).chunks == 1


def test_confined_jobs_read_only_below_the_roots(second: Run) -> None:
    assert second.summary.quarantined == 3
    (told,) = (each for each in second.summary.reasons if "secret.txt" in each.examples[0][0])
    assert "PMOVES_INGEST__ROOTS" in told.examples[0][1]


def test_killed_processes_lose_no_document(home: Path, settings: JobSettings) -> None:
    folder = home / "many"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:02}.txt").write_text(f"Take {number} was recorded at the harbour.")
    victims: set[str] = set()
    ended = threading.Event()
    killer = threading.Thread(target=_kill_one_of_each, args=(victims, ended))
    killer.start()
    try:
        summary = run_ingest(request(folder), settings, load_embedder=RecordingEmbedder)
    finally:
        ended.set()
        killer.join()
    assert victims == {"sandbox", "worker"}
    assert (summary.ready, summary.quarantined) == (60, 0)
    assert sum("was recorded at the harbour" in text for text in passages(settings)) == 60


def _kill_one_of_each(victims: set[str], ended: threading.Event) -> None:
    """Kill the first parser process that shows up, and the Ray worker that started it."""
    while not ended.is_set() and len(victims) < 2:
        time.sleep(0.01)
        for process in psutil.Process().children(recursive=True):
            try:
                if "data_jobs.sandbox.child" not in " ".join(process.cmdline()):
                    continue
                parent = process.parent()
                if "sandbox" not in victims:
                    process.kill()
                    victims.add("sandbox")
                elif parent is not None and "worker" not in victims:
                    os.kill(parent.pid, signal.SIGKILL)
                    victims.add("worker")
            except psutil.Error:
                continue


@pytest.mark.soak
def test_a_job_of_the_store_can_be_stopped(home: Path, settings: JobSettings) -> None:
    folder = home / "stopped"
    folder.mkdir()
    for number in range(2_000):
        (folder / f"{number}.txt").write_text(f"Note {number}")
    jobs = JobStore(settings.state_url)
    job = jobs.create(request(folder))

    def stop(progress: Progress) -> None:
        if progress.ready:
            jobs.request_stop(job.job_id)

    summary = run_ingest(
        job.request, settings, stop, job.job_id, confined=False, load_embedder=RecordingEmbedder
    )
    assert summary.state == stored_job(settings, job.job_id).state == "stopped"
    assert 0 < summary.ready < 2_000
    rows = Corpus.open_existing(settings.corpus_uri).documents(["studio"], limit=5_000).documents
    committed = [row for row in rows if "/stopped/" in row.source]
    assert {row.status for row in committed} == {"ready"}
    assert len(committed) == summary.ready


@pytest.mark.soak
def test_a_broken_model_fails_the_job_in_one_sentence(home: Path, settings: JobSettings) -> None:
    (home / "any.txt").write_text("Any text.")
    job = JobStore(settings.state_url).create(request(home / "any.txt"))
    with pytest.raises(PmovesError) as failed:
        run_ingest(job.request, settings, job_id=job.job_id, load_embedder=broken_embedder)
    assert str(failed.value) == "the weights are damaged"
    stored = stored_job(settings, job.job_id)
    assert (stored.state, stored.error) == ("failed", "the weights are damaged")


def broken_embedder(_settings: EmbeddingSettings) -> RecordingEmbedder:
    raise PmovesError("the weights are damaged")


@pytest.mark.parametrize(
    ("cause", "kind", "text"),
    [
        (PmovesError("disk full"), PmovesError, "disk full"),
        (RuntimeError("a\nb"), JobError, "the pipeline failed: RuntimeError: b"),
        (PmovesError(f"disk full{ADVICE}"), PmovesError, "disk full"),
        (RuntimeError(f"a\nb{ADVICE}"), JobError, "the pipeline failed: RuntimeError: b"),
    ],
)
def test_errors_of_ray_are_unwrapped(cause: Exception, kind: type[Exception], text: str) -> None:
    make: Any = RayTaskError
    outer = RuntimeError("stage")
    outer.__cause__ = make("stage", "a long\ntraceback", cause).as_instanceof_cause()
    found = error_behind(outer)
    assert type(found) is kind
    assert str(found) == text


def test_a_job_that_cannot_run_fails_with_its_reason(settings: JobSettings) -> None:
    odd = JobRequest(namespace="studio", sources=[], metadata={"x": float("inf")})
    with pytest.raises(InvalidInputError, match="metadata: cannot be stored"):
        run_ingest(odd, settings)


@pytest.mark.soak
def test_the_embedding_stage_alone_embeds_every_passage() -> None:
    texts = [f"Words of passage {number}." for number in range(300)]
    with bench_parts() as parts:
        assert parts.embed is not None
        assert list(parts.embed(texts)) == [256, 44]
