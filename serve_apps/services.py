"""What the routes work with, gathered in one place so that any of it can be exchanged."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from starlette.requests import Request

from publishing.events.outbox import Outbox
from publishing.events.relay import Relay
from retrieval.corpus.store import Corpus
from retrieval.embedding.base import AsyncEmbedder
from retrieval.errors import PmovesError
from retrieval.extraction.chunks import ChunkRelations
from retrieval.graph.neo4j.opening import GraphInNeo4j
from retrieval.jobs import JobStore
from retrieval.pipeline import Searcher
from retrieval.projection.following import Progress
from retrieval.schedules import ScheduleStore
from retrieval.state.keys import KeyStore
from serve_apps.answering import Answering
from serve_apps.client_address import Ingress
from serve_apps.keyring import KeyRing
from serve_apps.loopback import is_loopback
from serve_apps.metrics import Metrics
from serve_apps.sessions import Sessions
from serve_apps.settings import AppArgs
from serve_apps.state_threads import StateThreads
from serve_apps.tracing import Tracing


class LaunchError(PmovesError):
    """The cluster did not take or end a job."""


# The id of all runs in the mesh's own processes.
NEAR = "ingestor"


class JobLauncher(Protocol):
    """Runs ingest jobs somewhere. The calls block; each may raise `LaunchError`."""

    def submit(self, job_id: str, *, small: bool = True) -> str:
        """Start the job of that id, which the job store holds; return the id of the run.

        Without `small`, it gets workers of its own, however little it is.
        """
        ...

    def stop(self, runner_id: str) -> None:
        """End the run, if it still runs."""
        ...

    def failure(self, runner_id: str) -> str | None:
        """Return why the run ended without success, or None."""
        ...

    def left(self, job_id: str) -> bool:
        """Say whether the process that had the job seems to be gone: its call has broken off."""
        ...


@dataclass(frozen=True)
class Services:
    """The parts behind the gateway.

    `graph` keeps a Neo4j equal to the corpus, and `answering` answers questions by a language
    model, where there are such. `loaded` returns when other deployments have loaded what the
    gateway needs. `embedder_absent_s` tells for how many seconds the embedder has not answered,
    where it may rest at no replica, and `deployed_embedder` is that deployment alone, where there
    is one. `expose_all` returns the metrics of all replicas, where there can be several. `exposed`
    says that other machines reach the gateway, whatever `http.host` says; `ingress` says what it
    stands behind.
    """

    settings: AppArgs
    corpus: Corpus
    embedder: AsyncEmbedder
    searcher: Searcher
    jobs: JobStore
    launcher: JobLauncher
    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = field(default_factory=Tracing)
    exposed: bool = False
    ingress: Ingress = "direct"
    graph: GraphInNeo4j | None = None
    answering: Answering | None = None
    loaded: Callable[[], Awaitable[None]] | None = None
    embedder_absent_s: Callable[[], float] | None = None
    deployed_embedder: AsyncEmbedder | None = None
    expose_all: Callable[[], Awaitable[bytes]] | None = None

    @cached_property
    def relations(self) -> ChunkRelations:
        """What finds the relations of chunks that callers store."""
        return ChunkRelations(self.corpus.entities, self.settings)

    def projections(self) -> dict[str, Progress]:
        """Return how far each engine has followed the corpus."""
        found: dict[str, Progress] = {}
        if self.searcher.engine:
            found["lexical"] = self.searcher.engine.progress
        if self.graph:
            found["graph"] = self.graph.following.progress
        return found

    @cached_property
    def state(self) -> StateThreads:
        """Where calls of the state database run."""
        return StateThreads(self.settings.state.timeout_s)

    @cached_property
    def keyring(self) -> KeyRing:
        """The API keys; the first use reads them."""
        exposed = self.exposed or not is_loopback(self.settings.http.host)
        return KeyRing(KeyStore(self.settings.state_url), exposed, run=self.state.call)

    @cached_property
    def schedules(self) -> ScheduleStore:
        """What is ingested again and again; the first use opens the store."""
        return ScheduleStore(self.settings.state_url)

    @cached_property
    def relay(self) -> Relay:
        """What delivers events; the first use opens the outbox."""
        return Relay(Outbox(self.settings.state_url), self.settings.events, self.settings.fetch)

    @cached_property
    def sessions(self) -> Sessions:
        """The sessions of browsers, made from these keys."""
        settings = self.settings
        return Sessions(self.keyring, settings.keys.session_s, settings.http.port)


def services_of(request: Request) -> Services:
    """Return the services of the application that answers `request`."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services
