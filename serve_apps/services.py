"""What the routes work with, gathered in one place so that any of it can be exchanged."""

from dataclasses import dataclass, field
from typing import Protocol

from starlette.requests import Request

from retrieval.corpus.store import Corpus
from retrieval.embedding.base import AsyncEmbedder
from retrieval.errors import PmovesError
from retrieval.jobs import JobStore
from retrieval.pipeline import Searcher
from serve_apps.metrics import Metrics
from serve_apps.settings import AppArgs
from serve_apps.tracing import Tracing


class LaunchError(PmovesError):
    """The cluster did not take or end a job."""


class JobLauncher(Protocol):
    """Runs ingest jobs somewhere. The calls block; each may raise `LaunchError`."""

    def submit(self, job_id: str) -> str:
        """Start the job of that id, which the job store holds; return the id of the run."""
        ...

    def stop(self, runner_id: str) -> None:
        """End the run, if it still runs."""
        ...

    def failure(self, runner_id: str) -> str | None:
        """Return why the run ended without success, or None."""
        ...


@dataclass(frozen=True)
class Services:
    """The parts behind the gateway."""

    settings: AppArgs
    corpus: Corpus
    embedder: AsyncEmbedder
    searcher: Searcher
    jobs: JobStore
    launcher: JobLauncher
    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = field(default_factory=Tracing)


def services_of(request: Request) -> Services:
    """Return the services of the application that answers `request`."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services
