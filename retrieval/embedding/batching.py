"""Many callers, one model: small calls are gathered into batches.

While one batch is computed, calls wait; the next batch takes as many of them as
its token budget holds. So a lone call never waits for company, and under load
batches grow by themselves. Queries go before passages.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from retrieval.chunk import Vectors
from retrieval.embedding.base import Embedder
from retrieval.embedding.batches import estimated_tokens, token_batches
from retrieval.errors import OverloadedError
from retrieval.identity import EmbeddingIdentity

Encode = Callable[[Sequence[str]], Vectors]


@dataclass(eq=False, slots=True)
class _Piece:
    texts: list[str]
    tokens: int
    answer: asyncio.Future[Vectors]


class BatchingEmbedder:
    """An `AsyncEmbedder` over an `Embedder`; use it from one event loop.

    `max_waiting` bounds the texts that wait; above it, calls raise
    `OverloadedError` at once. Work of cancelled callers is dropped.
    """

    def __init__(
        self, embedder: Embedder, batch_tokens: int = 4096, max_waiting: int = 50_000
    ) -> None:
        self._embedder = embedder
        self._batch_tokens = batch_tokens
        self._max_waiting = max_waiting
        self._waiting: dict[bool, deque[_Piece]] = {True: deque(), False: deque()}
        self._drain_task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "embed")

    @property
    def identity(self) -> EmbeddingIdentity:
        """The model behind the vectors."""
        return self._embedder.identity

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions."""
        return await self._submit(texts, queries=True)

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages."""
        return await self._submit(texts, queries=False)

    def close(self, *, wait: bool = False) -> None:
        """End the worker thread once its batch is done; with `wait`, return after that."""
        self._thread.shutdown(wait=wait, cancel_futures=True)

    async def _submit(self, texts: Sequence[str], *, queries: bool) -> Vectors:
        waiting = sum(len(piece.texts) for queue in self._waiting.values() for piece in queue)
        if waiting and waiting + len(texts) > self._max_waiting:
            raise OverloadedError(f"{waiting} texts are waiting to be embedded; try again later")
        vectors = np.empty((len(texts), self.identity.dimension), dtype=np.float32)
        limit = self.identity.max_tokens
        lengths = [estimated_tokens(text, limit) for text in texts]
        batches = list(token_batches(lengths, self._batch_tokens))
        pieces = [self._enqueue([texts[at] for at in batch], queries) for batch in batches]
        try:
            for batch, piece in zip(batches, pieces, strict=True):
                vectors[batch] = await piece.answer
        finally:
            for piece in pieces:
                piece.answer.cancel()
        return vectors

    def _enqueue(self, texts: list[str], queries: bool) -> _Piece:
        limit = self.identity.max_tokens
        longest = max(estimated_tokens(text, limit) for text in texts)
        piece = _Piece(texts, longest, asyncio.get_running_loop().create_future())
        self._waiting[queries].append(piece)
        if self._drain_task is None or self._drain_task.done():
            self._drain_task = asyncio.create_task(self._drain())
        return piece

    async def _drain(self) -> None:
        while self._waiting[True] or self._waiting[False]:
            queries = bool(self._waiting[True])
            pieces = self._take(self._waiting[queries])
            if pieces:
                await self._run(pieces, self._encoder(queries))

    def _encoder(self, queries: bool) -> Encode:
        return self._embedder.embed_queries if queries else self._embedder.embed_passages

    def _take(self, queue: deque[_Piece]) -> list[_Piece]:
        taken: list[_Piece] = []
        texts = longest = 0
        while queue:
            piece = queue[0]
            texts, longest = texts + len(piece.texts), max(longest, piece.tokens)
            if taken and texts * longest > self._batch_tokens:
                break
            queue.popleft()
            if piece.answer.done():
                texts -= len(piece.texts)
            else:
                taken.append(piece)
        return taken

    async def _run(self, pieces: list[_Piece], encode: Encode) -> None:
        texts = [text for piece in pieces for text in piece.texts]
        loop = asyncio.get_running_loop()
        try:
            vectors = await loop.run_in_executor(self._thread, encode, texts)
        except Exception as error:
            for piece in pieces:
                if not piece.answer.done():
                    piece.answer.set_exception(error)
            return
        start = 0
        for piece in pieces:
            end = start + len(piece.texts)
            if not piece.answer.done():
                piece.answer.set_result(vectors[start:end])
            start = end
