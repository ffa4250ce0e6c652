"""Embedder, reranker and shards behind circuit breakers."""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Protocol

from retrieval.chunk import Vectors
from retrieval.circuit import CircuitBreaker
from retrieval.dense.index import Nearest, ShardState, Wanted
from retrieval.dense.segment import Addresses
from retrieval.dense.shard import AsyncShard, At, Held
from retrieval.embedding.base import AsyncEmbedder
from retrieval.errors import StageError
from retrieval.rerank.base import AsyncReranker, RerankerState, Scores
from serve_apps.metrics import Metrics
from serve_apps.settings import ServeSettings

_TRIAL = ("ready",)
_STATE_S = 2.0


class GuardedEmbedder:
    """An `AsyncEmbedder` that refuses calls at once while `embedder` does not answer.

    Where it may rest at no replica, only questions are refused while it starts. With
    `passages_alone` nobody asks it questions, and passages that take long are what makes the
    gateway find out whether it answers.
    """

    def __init__(
        self,
        embedder: AsyncEmbedder,
        settings: ServeSettings,
        metrics: Metrics,
        passages_alone: bool = False,
    ) -> None:
        self._embedder = embedder
        self._passages_alone = passages_alone
        self._rests = settings.embedder_replicas == 0
        self._start_s = settings.embedder_start_s
        self._circuit = CircuitBreaker(
            "embedder",
            lambda: embedder.embed_queries(_TRIAL),
            settings.embedder_patience_ms / 1000,
            settings.embedder_retry_ms / 1000,
            lambda is_open: metrics.set("pmoves_embedder_circuit_open", is_open),
        )

    def absent_s(self) -> float:
        """Seconds for which it is known not to answer; 0 while it does, or was not asked."""
        return self._circuit.open_s

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions; raises `CircuitOpenError` as soon as the embedder is given up."""
        return await self._circuit.call(lambda: self._embedder.embed_queries(texts))

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages; raises `CircuitOpenError` if the embedder is given up already.

        What is on its way goes on: it may take as long as it needs, also while the model
        is loaded anew. One that rests is started first; raises `StageError` if it does not
        come in its time.
        """
        if self._rests and self.absent_s() < self._start_s:
            await self._started()
        else:
            self._circuit.check()
        with self._circuit.watched() if self._passages_alone else nullcontext():
            return await self._embedder.embed_passages(texts)

    async def _started(self) -> None:
        """Wait until it answers."""
        try:
            async with asyncio.timeout(self._start_s):
                await self._embedder.embed_queries(_TRIAL)
        except TimeoutError:
            raise StageError(f"the embedder has not come within {self._start_s:g} s") from None


class GuardedReranker:
    """An `AsyncReranker` that refuses calls at once while `reranker` does not answer."""

    def __init__(self, reranker: AsyncReranker, settings: ServeSettings, metrics: Metrics) -> None:
        self._reranker = reranker
        self._rests = settings.reranker_replicas == 0
        self._start_s = settings.reranker_start_s
        self._circuit = CircuitBreaker(
            "reranker",
            lambda: reranker.score(_TRIAL[0], _TRIAL),
            settings.reranker_patience_ms / 1000,
            settings.reranker_retry_ms / 1000,
            lambda is_open: metrics.set("pmoves_reranker_circuit_open", is_open),
        )

    @property
    def per_call(self) -> int:
        """The passages of one call."""
        return self._reranker.per_call

    async def score(self, query: str, passages: Sequence[str]) -> Scores:
        """Score `passages`; raises `CircuitOpenError` as soon as the reranker is given up."""
        return await self._circuit.call(lambda: self._reranker.score(query, passages))

    async def state(self) -> RerankerState:
        """Return what the reranker says of itself, whether it is given up or not.

        Where it may rest, being asked starts it; raises `StageError` until it is there.
        """
        if not self._rests:
            return await self._reranker.state()
        try:
            async with asyncio.timeout(_STATE_S):
                return await self._reranker.state()
        except TimeoutError:
            self._circuit.doubt()
            raise StageError(self._missing()) from None

    def _missing(self) -> str:
        absent_s = self._circuit.open_s
        if absent_s <= self._start_s:
            return "the reranker is being started"
        return (
            f"the reranker has not come {absent_s:.0f} s after it was asked for "
            f"(PMOVES_SERVE__RERANKER_START_S is {self._start_s:g}); `pmoves tiers` shows whether "
            "there is room for it"
        )


class StatefulShard(AsyncShard, Protocol):
    """A shard that can be asked how it is."""

    async def state(self) -> ShardState:
        """Return what it holds."""
        ...


class GuardedShard:
    """An `AsyncShard` that refuses calls at once while `shard` does not answer."""

    def __init__(
        self, shard: StatefulShard, number: int, settings: ServeSettings, metrics: Metrics
    ) -> None:
        self._shard = shard
        self._circuit = CircuitBreaker(
            f"dense shard {number}",
            shard.state,
            settings.shard_patience_ms / 1000,
            settings.shard_retry_ms / 1000,
            lambda is_open: metrics.set("pmoves_dense_shard_circuit_open", is_open, str(number)),
        )

    async def nearest(self, at: At, asked: Nearest) -> tuple[Addresses, Vectors]:
        """Return the nearest of its rows; raises `CircuitOpenError` once the shard is given up."""
        return await self._circuit.call(lambda: self._shard.nearest(at, asked))

    async def tell(self, at: At, wanted: Wanted) -> Held:
        """Return what is wanted; raises `CircuitOpenError` once the shard is given up."""
        return await self._circuit.call(lambda: self._shard.tell(at, wanted))

    async def prepare(self, at: At) -> ShardState:
        """Begin to apply a version; raises `CircuitOpenError` if the shard is given up already."""
        self._circuit.check()
        return await self._shard.prepare(at)
