"""Embedder and reranker whose calls are counted: what waits, how long it takes, what fails."""

import asyncio
import time
from collections.abc import Awaitable, Sequence

from retrieval.chunk import Vectors
from retrieval.circuit import CircuitOpenError
from retrieval.embedding.base import AsyncEmbedder
from retrieval.errors import OverloadedError
from retrieval.rerank.base import AsyncReranker, RerankerState, Scores
from serve_apps.metrics import Metrics


class MeteredEmbedder:
    """An `AsyncEmbedder` that passes calls on to `embedder` and tells `metrics`."""

    def __init__(self, embedder: AsyncEmbedder, metrics: Metrics) -> None:
        self._embedder = embedder
        self._metrics = metrics

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions."""
        return await self._metered("queries", texts, self._embedder.embed_queries(texts))

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages."""
        return await self._metered("passages", texts, self._embedder.embed_passages(texts))

    async def _metered(self, kind: str, texts: Sequence[str], call: Awaitable[Vectors]) -> Vectors:
        began = time.perf_counter()
        self._metrics.add("pmoves_embedder_waiting_texts", len(texts), kind)
        try:
            vectors = await call
        except BaseException as error:
            self._metrics.count("pmoves_embedder_errors_total", kind, reason_of(error))
            raise
        finally:
            self._metrics.add("pmoves_embedder_waiting_texts", -len(texts), kind)
        seconds = time.perf_counter() - began
        self._metrics.observe("pmoves_embedder_seconds", kind, seconds=seconds)
        return vectors


class MeteredReranker:
    """An `AsyncReranker` that passes calls on to `reranker` and tells `metrics`."""

    def __init__(self, reranker: AsyncReranker, metrics: Metrics) -> None:
        self._reranker = reranker
        self._metrics = metrics

    @property
    def per_call(self) -> int:
        """The passages of one call."""
        return self._reranker.per_call

    async def score(self, query: str, passages: Sequence[str]) -> Scores:
        """Score `passages`."""
        began = time.perf_counter()
        self._metrics.add("pmoves_reranker_waiting_passages", len(passages))
        try:
            scores = await self._reranker.score(query, passages)
        except BaseException as error:
            self._metrics.count("pmoves_reranker_errors_total", reason_of(error))
            raise
        finally:
            self._metrics.add("pmoves_reranker_waiting_passages", -len(passages))
        self._metrics.observe("pmoves_reranker_seconds", seconds=time.perf_counter() - began)
        return scores

    async def state(self) -> RerankerState:
        """Return what the reranker says of itself."""
        return await self._reranker.state()


def reason_of(error: BaseException) -> str:
    """Return why a call failed, in a word that metrics use."""
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    if isinstance(error, CircuitOpenError):
        return "not_asked"
    return "overloaded" if isinstance(error, OverloadedError) else "failed"
