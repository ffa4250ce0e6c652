"""What the tests of the gateway share beside fixtures."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from retrieval.corpus.store import Corpus
from retrieval.embedding.base import Embedder
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.jobs import JobStore
from retrieval.lexical.opening import open_text_engine
from retrieval.pipeline import Searcher
from retrieval.state.keys import KeyRequest, KeyStore, Role
from serve_apps.problems import CATALOGUE, MEDIA_TYPE, ProblemType
from serve_apps.services import LaunchError, Services
from serve_apps.settings import AppArgs

BASE_URL = "http://127.0.0.1:8000"
Json = dict[str, Any]


class NotedLauncher:
    """Notes what it is asked, so that requests can be tested without a cluster."""

    def __init__(self) -> None:
        self.submitted: list[str] = []
        self.small: list[bool] = []
        self.stopped: list[str] = []
        self.failures: dict[str, str] = {}
        self.gone: set[str] = set()
        self.broken = False

    def submit(self, job_id: str, *, small: bool = True) -> str:
        """Note the job."""
        if self.broken:
            raise LaunchError("no cluster at 10.1.2.3:6379")
        self.submitted.append(job_id)
        self.small.append(small)
        return f"run-{job_id}"

    def stop(self, runner_id: str) -> None:
        """Note the run."""
        self.stopped.append(runner_id)

    def failure(self, runner_id: str) -> str | None:
        """Return what the test has put in."""
        return self.failures.get(runner_id)

    def left(self, job_id: str) -> bool:
        """Say whether the test has put it in."""
        return job_id in self.gone


@contextmanager
def services_over(
    corpus: Corpus, model: Embedder, settings: AppArgs, launcher: NotedLauncher | None = None
) -> Iterator[Services]:
    """The parts of a gateway over `corpus`, without a cluster; ended with the block."""
    embedder = BatchingEmbedder(model)
    services = Services(
        settings=settings,
        corpus=corpus,
        embedder=embedder,
        searcher=Searcher(
            corpus, embedder, settings.search, engine=open_text_engine(corpus, settings)
        ),
        jobs=JobStore(settings.state_url),
        launcher=launcher or NotedLauncher(),
    )
    try:
        yield services
    finally:
        services.searcher.close()
        embedder.close()
        services.jobs.close()
        if "schedules" in vars(services):
            services.schedules.close()


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Run the application's lifespan and speak to it."""
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client,
    ):
        yield client


def item(chunk_id: str, text: str, **fields: object) -> Json:
    """Return an item of an upsert; its document is what stands before the dash."""
    return {"doc_id": chunk_id.split("-")[0], "chunk_id": chunk_id, "text": text, **fields}


async def upsert(client: httpx.AsyncClient, *items: object, **fields: object) -> Json:
    """Store `items`; return the answer."""
    answer = await client.post("/hirag/upsert-batch", json={"items": items, **fields})
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


async def search(client: httpx.AsyncClient, query: str, **fields: object) -> Json:
    """Ask `query`; return the answer."""
    answer = await client.post("/hirag/query", json={"query": query, **fields})
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def found(answer: Json) -> list[str]:
    """Return the chunk ids of an answer, best first."""
    return [hit["chunk_id"] for hit in answer["hits"]]


def problem(answer: httpx.Response, kind: ProblemType) -> Json:
    """Check that `answer` is a problem document of `kind`; return it."""
    body: Json = answer.json()
    assert (answer.status_code, body["type"]) == (kind.status, kind.uri), answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert CATALOGUE[body["type"]].title == body["title"]
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["detail"]
    return body


def wrong_fields(body: Json) -> list[str]:
    """Return the names of the fields that a problem document complains of."""
    return [error["field"] for error in body["errors"]]


def make_key(services: Services, role: Role, *namespaces: str, **fields: Any) -> str:
    """Make a key for `namespaces`, or for all; return its token."""
    store = KeyStore(services.settings.state_url)
    request = KeyRequest(role=role, namespaces=namespaces or None, **fields)
    try:
        return store.create(request)[1]
    finally:
        store.close()


def bearer(token: str) -> dict[str, str]:
    """Return the header that shows a key."""
    return {"Authorization": f"Bearer {token}"}


async def session_of(services: Services, token: str) -> str:
    """Return the cookie of a browser that signed in with a key."""
    sessions = services.sessions
    return f"{sessions.cookie}={sessions.begin(await services.keyring.with_token(token))}"
