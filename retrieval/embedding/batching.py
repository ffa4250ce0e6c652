"""Many callers, one embedding model; see `retrieval.gathering`. Queries go before passages."""

from collections.abc import Sequence

from retrieval.chunk import Vectors
from retrieval.embedding.base import Embedder
from retrieval.embedding.batches import estimated_tokens
from retrieval.gathering import Gathering
from retrieval.identity import EmbeddingIdentity

_QUERIES, _PASSAGES = 0, 1


class BatchingEmbedder:
    """An `AsyncEmbedder` over an `Embedder`; use it from one event loop.

    `max_waiting` bounds the texts that wait; above it, calls raise
    `OverloadedError` at once. Work of cancelled callers is dropped.
    """

    def __init__(
        self, embedder: Embedder, batch_tokens: int = 4096, max_waiting: int = 50_000
    ) -> None:
        self._embedder = embedder
        self._gathering: Gathering[str] = Gathering(
            [embedder.embed_queries, embedder.embed_passages],
            (embedder.identity.dimension,),
            batch_tokens,
            max_waiting,
            "texts are waiting to be embedded",
        )

    @property
    def identity(self) -> EmbeddingIdentity:
        """The model behind the vectors."""
        return self._embedder.identity

    @property
    def backlog_s(self) -> float:
        """Seconds that what waits now will take, by the speed of late."""
        return self._gathering.backlog_s

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions."""
        return await self._submit(texts, _QUERIES)

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages."""
        return await self._submit(texts, _PASSAGES)

    def close(self, *, wait: bool = False) -> None:
        """End the worker thread once its batch is done; with `wait`, return after that."""
        self._gathering.close(wait=wait)

    async def _submit(self, texts: Sequence[str], lane: int) -> Vectors:
        limit = self.identity.max_tokens
        return await self._gathering.submit(
            texts, [estimated_tokens(text, limit) for text in texts], lane
        )
