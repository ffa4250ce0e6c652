"""A gateway over a real corpus and the real model, without Serve."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from retrieval.corpus.store import Corpus
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.embedding.sentence_transformer import SentenceTransformerEmbedder
from retrieval.jobs import JobStore
from retrieval.pipeline import Searcher
from retrieval.settings import EmbeddingSettings
from serve_apps.api import create_app
from serve_apps.services import LaunchError, Services
from serve_apps.settings import AllowedSources, AppArgs, HttpSettings

BASE_URL = "http://127.0.0.1:8000"


class NotedLauncher:
    """Notes what it is asked, so that requests can be tested without a cluster."""

    def __init__(self) -> None:
        self.submitted: list[str] = []
        self.stopped: list[str] = []
        self.failures: dict[str, str] = {}
        self.broken = False

    def submit(self, job_id: str) -> str:
        """Note the job."""
        if self.broken:
            raise LaunchError("no cluster at 127.0.0.1:6379")
        self.submitted.append(job_id)
        return f"run-{job_id}"

    def stop(self, runner_id: str) -> None:
        """Note the run."""
        self.stopped.append(runner_id)

    def failure(self, runner_id: str) -> str | None:
        """Return what the test has put in."""
        return self.failures.get(runner_id)


@pytest.fixture(scope="session")
def model() -> SentenceTransformerEmbedder:
    """The packaged model, loaded once."""
    return SentenceTransformerEmbedder(EmbeddingSettings())


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    """A folder that HTTP callers may have files read from."""
    folder = tmp_path / "library with spaces"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(tmp_path: Path, roots: Path) -> AppArgs:
    """Settings of a mesh in a folder of its own, with small limits."""
    return AppArgs(
        home=tmp_path / "home",
        http=HttpSettings(
            max_query_bytes=65_536,
            max_batch_bytes=262_144,
            max_batch_items=50,
            max_upload_bytes=262_144,
            max_upload_files=5,
        ),
        ingest=AllowedSources(roots=[roots]),
    )


@pytest.fixture
def launcher() -> NotedLauncher:
    """A launcher without a cluster."""
    return NotedLauncher()


@pytest.fixture
def services(
    settings: AppArgs, model: SentenceTransformerEmbedder, launcher: NotedLauncher
) -> Iterator[Services]:
    """The parts of a gateway over an empty corpus."""
    corpus = Corpus.open(settings.corpus_uri, model.identity)
    embedder = BatchingEmbedder(model)
    made = Services(
        settings=settings,
        corpus=corpus,
        embedder=embedder,
        searcher=Searcher(corpus, embedder, settings.search),
        jobs=JobStore(settings.state_url),
        launcher=launcher,
    )
    yield made
    made.searcher.close()
    embedder.close()
    made.jobs.close()


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Run the application's lifespan and speak to it."""
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client,
    ):
        yield client


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway."""
    async with client_of(create_app(services)) as made:
        yield made


def item(chunk_id: str, text: str, **fields: object) -> dict[str, object]:
    """Return an item of an upsert; its document is what stands before the dash."""
    return {"doc_id": chunk_id.split("-")[0], "chunk_id": chunk_id, "text": text, **fields}


async def upsert(
    client: httpx.AsyncClient, *items: dict[str, object], **fields: object
) -> dict[str, object]:
    """Store `items`; return the answer."""
    answer = await client.post("/hirag/upsert-batch", json={"items": list(items), **fields})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert isinstance(body, dict)
    return body
