"""Small ingestion jobs as a deployment: nothing has to start for them."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

from ray.serve.handle import DeploymentHandle

from retrieval.chunk import Vectors
from retrieval.embedding.model import embedding_identity
from retrieval.errors import OverloadedError, StageError
from retrieval.identity import EmbeddingIdentity
from retrieval.settings import EmbeddingSettings
from serve_apps.embedder import Embedder
from serve_apps.job_environment import mesh_environment
from serve_apps.logs import configure_replica_logging
from serve_apps.remote import RemoteEmbedder
from serve_apps.settings import AppArgs

_LOOK_S = 0.1
_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)


class Ingestor:
    """Runs small jobs of the store, embedding with the mesh's own embedder."""

    def __init__(self, settings: AppArgs, embedder: DeploymentHandle[Embedder]) -> None:
        # Gateways import this module as well, and have no need of these.
        from data_jobs.settings import JobSettings
        from data_jobs.worker import JobWorker

        configure_replica_logging(settings.log)
        # As in a Ray job: settings that were given to `serve` reach the stages this way.
        os.environ.update(mesh_environment(settings, os.environ))
        loop, remote = asyncio.get_running_loop(), RemoteEmbedder(embedder)
        self._worker = JobWorker(JobSettings(), lambda given: _Embedding(given, remote, loop))

    async def run(self, job_id: str) -> AsyncIterator[bool]:
        """Yield whether the job is taken, and end with it."""
        yield await asyncio.to_thread(self._worker.take, job_id)
        while job_id in self._worker.running:
            await asyncio.sleep(_LOOK_S)


class _Embedding:
    """The mesh's embedder for threads."""

    def __init__(
        self,
        settings: EmbeddingSettings,
        remote: RemoteEmbedder,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._identity = embedding_identity(settings)
        self._remote = remote
        self._loop = loop

    @property
    def identity(self) -> EmbeddingIdentity:
        """The model behind the vectors."""
        return self._identity

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions."""
        return self._wait(lambda: self._remote.embed_queries(texts))

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages."""
        return self._wait(lambda: self._remote.embed_passages(texts))

    def _wait(self, embed: Callable[[], Coroutine[Any, Any, Vectors]]) -> Vectors:
        """Wait for vectors; an embedder that is busy or away is asked again, for minutes."""
        for pause in _PAUSES_S:
            with contextlib.suppress(OverloadedError, StageError):
                return asyncio.run_coroutine_threadsafe(embed(), self._loop).result()
            time.sleep(pause)
        return asyncio.run_coroutine_threadsafe(embed(), self._loop).result()
