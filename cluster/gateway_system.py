"""The gateway's own search, as a system that is evaluated from another event loop."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from eval.provenance import SystemDescription, code_version, deciding_settings
from retrieval.chunk import Chunk
from retrieval.indexing import index_chunks
from retrieval.query import SearchRequest, SearchResponse
from serve_apps.services import Services

T = TypeVar("T")


class GatewaySystem:
    """A `SearchSystem` over `services`, whose searches run on `loop` as those of callers do."""

    def __init__(self, services: Services, loop: asyncio.AbstractEventLoop) -> None:
        self._services = services
        self._loop = loop

    @property
    def name(self) -> str:
        """How reports call it."""
        return "this gateway"

    async def describe(self) -> SystemDescription:
        """Return the gateway's settings, model and code."""
        settings, corpus = self._services.settings, self._services.corpus
        return SystemDescription(
            settings=deciding_settings(settings),
            model=corpus.identity.model_dump(mode="json"),
            code=code_version(),
        )

    async def index(self, chunks: Sequence[Chunk]) -> int:
        """Embed and store `chunks` as the whole content of their documents."""
        services = self._services
        work = index_chunks(
            services.corpus,
            services.embedder,
            chunks,
            replace=True,
            relations=services.relations,
        )
        commit = await self._there(work)
        return commit.version

    async def search(self, request: SearchRequest) -> SearchResponse:
        """Answer one search."""
        return await self._there(self._services.searcher.search(request))

    async def close(self) -> None:
        """Leave everything to the gateway."""

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))
