"""Many callers, one worker: small calls are gathered into batches.

While one batch is computed, calls wait; the next batch takes as many of them as
its token budget holds. So a lone call never waits for company, and under load
batches grow by themselves.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from retrieval.embedding.batches import token_batches
from retrieval.errors import OverloadedError

Item = TypeVar("Item")
Rows = NDArray[np.float32]
# Share of the last batch in the speed that is remembered.
_NEWEST = 0.3


@dataclass(eq=False, slots=True)
class _Piece(Generic[Item]):
    items: list[Item]
    tokens: int
    answer: asyncio.Future[Rows]


class Gathering(Generic[Item]):
    """Computes a row of `shape` for each item, in one thread; use it from one event loop.

    `lanes` compute batches of items, each of its own kind; what waits in an earlier lane
    goes first. `budget` bounds the padded tokens of a batch, `max_waiting` the items that
    wait; above it, calls raise `OverloadedError` at once and name them by `what`. Work of
    cancelled callers is dropped.
    """

    def __init__(
        self,
        lanes: Sequence[Callable[[list[Item]], Rows]],
        shape: tuple[int, ...],
        budget: int,
        max_waiting: int,
        what: str,
    ) -> None:
        self._lanes = lanes
        self._shape = shape
        self._budget = budget
        self._max_waiting = max_waiting
        self._what = what
        self._waiting: list[deque[_Piece[Item]]] = [deque() for _ in lanes]
        self._drain_task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "batches")
        self._tokens_per_s = 0.0

    @property
    def backlog_s(self) -> float:
        """Seconds that what waits now will take, by the speed of late; 0 before the first batch."""
        if not self._tokens_per_s:
            return 0.0
        pieces = (piece for queue in self._waiting for piece in queue if not piece.answer.done())
        return sum(len(piece.items) * piece.tokens for piece in pieces) / self._tokens_per_s

    async def submit(self, items: Sequence[Item], tokens: Sequence[int], lane: int = 0) -> Rows:
        """Return the rows of `items`, which cost `tokens` each, in their order."""
        waiting = sum(len(piece.items) for queue in self._waiting for piece in queue)
        if waiting and waiting + len(items) > self._max_waiting:
            raise OverloadedError(f"{waiting} {self._what}; try again later")
        rows = np.empty((len(items), *self._shape), dtype=np.float32)
        batches = list(token_batches(tokens, self._budget))
        pieces = [
            self._enqueue([items[at] for at in batch], max(tokens[at] for at in batch), lane)
            for batch in batches
        ]
        try:
            for batch, piece in zip(batches, pieces, strict=True):
                rows[batch] = await piece.answer
        finally:
            for piece in pieces:
                piece.answer.cancel()
        return rows

    def close(self, *, wait: bool = False) -> None:
        """End the worker thread once its batch is done; with `wait`, return after that."""
        self._thread.shutdown(wait=wait, cancel_futures=True)

    def _enqueue(self, items: list[Item], longest: int, lane: int) -> _Piece[Item]:
        piece = _Piece(items, longest, asyncio.get_running_loop().create_future())
        self._waiting[lane].append(piece)
        if self._drain_task is None or self._drain_task.done():
            self._drain_task = asyncio.create_task(self._drain())
        return piece

    async def _drain(self) -> None:
        while (lane := self._first()) is not None:
            pieces = self._take(self._waiting[lane])
            if pieces:
                await self._run(pieces, self._lanes[lane])

    def _first(self) -> int | None:
        return next((lane for lane, queue in enumerate(self._waiting) if queue), None)

    def _take(self, queue: deque[_Piece[Item]]) -> list[_Piece[Item]]:
        taken: list[_Piece[Item]] = []
        items = longest = 0
        while queue:
            piece = queue[0]
            items, longest = items + len(piece.items), max(longest, piece.tokens)
            if taken and items * longest > self._budget:
                break
            queue.popleft()
            if piece.answer.done():
                items -= len(piece.items)
            else:
                taken.append(piece)
        return taken

    async def _run(self, pieces: list[_Piece[Item]], compute: Callable[[list[Item]], Rows]) -> None:
        items = [item for piece in pieces for item in piece.items]
        loop, began = asyncio.get_running_loop(), time.perf_counter()
        try:
            rows = await loop.run_in_executor(self._thread, compute, items)
        except Exception as error:
            for piece in pieces:
                if not piece.answer.done():
                    piece.answer.set_exception(error)
            return
        self._note_speed(pieces, time.perf_counter() - began)
        start = 0
        for piece in pieces:
            end = start + len(piece.items)
            if not piece.answer.done():
                piece.answer.set_result(rows[start:end])
            start = end

    def _note_speed(self, pieces: Sequence[_Piece[Item]], seconds: float) -> None:
        tokens = sum(len(piece.items) for piece in pieces) * max(piece.tokens for piece in pieces)
        speed = tokens / max(seconds, 1e-6)
        before = self._tokens_per_s or speed
        self._tokens_per_s = before + _NEWEST * (speed - before)
