"""The dense index cut into shards: all are asked at once, and their answers joined.

A shard that fails or is late leaves the answer to the others, and the answer says so. All
shards are asked about the same version of the corpus, that of the snapshot; a new version
is searched once every shard that answers has applied it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from retrieval.chunk import Vectors
from retrieval.dense.directory import Directory
from retrieval.dense.index import Near, Nearest, ShardState, Told, VectorsOf, Wanted, best
from retrieval.dense.segment import Addresses
from retrieval.dense.shard import AsyncShard, At, Held
from retrieval.dense.snapshot import Snapshot
from retrieval.errors import FilterError, PmovesError, StageError
from retrieval.query import TOO_LATE

T = TypeVar("T")
# Seconds for a shard to say how far it is; one that hangs keeps nobody from a new version.
_PATIENCE = 5.0
_PAUSE = 0.05
_LONGEST = 400
Failures = Mapping[int, BaseException]


class ShardedIndex:
    """A `DenseIndex` over `shards`, the i-th of which holds share i; use it from one event loop.

    `directory` learns which versions all can answer about.
    """

    def __init__(self, shards: Sequence[AsyncShard], directory: Directory) -> None:
        self._shards = shards
        self._directory = directory
        self._states = [ShardState(number, up=False) for number in range(len(shards))]
        self._current = [time.monotonic()] * len(shards)

    async def ready(self, snapshot: Snapshot) -> None:
        """Return once each shard has applied the version of `snapshot`, or does not answer."""
        at = At.of(snapshot)
        await asyncio.gather(*(self._prepare(number, at) for number in range(len(self._shards))))
        self._directory.publish(snapshot)

    async def nearest(self, snapshot: Snapshot, asked: Nearest, limit_s: float) -> Near:
        """Return the nearest rows of `snapshot` in all shards that answer within `limit_s`.

        Raises `StageError` where none does, and `FilterError` for a bad test.
        """
        at = At.of(snapshot)
        found, failed = await self._ask_all(lambda one: one.nearest(at, asked), limit_s)
        for error in failed.values():
            if isinstance(error, FilterError):
                raise error
        if not found:
            raise StageError(self._note(failed))
        addresses = np.concatenate([part[0] for part in found.values()])
        scores = np.concatenate([part[1] for part in found.values()])
        note = self._note(failed) if failed else None
        return Near(*best(addresses, scores, asked.k), note, frozenset(failed))

    async def tell(self, snapshot: Snapshot, wanted: Wanted, limit_s: float) -> Told:
        """Return what those shards that answer within `limit_s` know of the rows."""
        at = At.of(snapshot)
        answers, _ = await self._ask_all(lambda one: one.tell(at, wanted), limit_s, wanted.without)
        products: dict[int, float] = {}
        for held in answers.values():
            rows = wanted.scored[held.scored].tolist()
            products.update(zip(rows, held.products.tolist(), strict=True))
        dimension = snapshot.identity.dimension
        return Told(products, _vectors_of(wanted.shown, answers.values(), dimension))

    def shards(self) -> list[ShardState]:
        """Return what each shard said last, and since when it lags behind."""
        now = time.monotonic()
        behind = [now - since for since in self._current]
        return [
            replace(state, lag_s=0.0 if self._is_current(state) else lag)
            for state, lag in zip(self._states, behind, strict=True)
        ]

    def _is_current(self, state: ShardState) -> bool:
        return state.up and state.version >= self._directory.version

    async def _prepare(self, number: int, at: At) -> None:
        try:
            while True:
                state = await asyncio.wait_for(self._shards[number].prepare(at), _PATIENCE)
                self._states[number] = state
                if state.version >= at.index:
                    self._current[number] = time.monotonic()
                    return
                await asyncio.sleep(_PAUSE)
        except (PmovesError, OSError, ValueError):
            self._states[number] = replace(self._states[number], up=False)

    async def _ask_all(
        self,
        ask: Callable[[AsyncShard], Awaitable[T]],
        limit_s: float,
        without: Collection[int] = (),
    ) -> tuple[dict[int, T], dict[int, BaseException]]:
        """Return what shards answered, and why others did not, both by their numbers."""
        tasks = {
            number: asyncio.ensure_future(ask(shard))
            for number, shard in enumerate(self._shards)
            if number not in without
        }
        try:
            await asyncio.wait(tasks.values(), timeout=limit_s)
        finally:
            late = [task for task in tasks.values() if task.cancel()]
        failed: dict[int, BaseException] = {
            number: TimeoutError() for number, task in tasks.items() if task in late
        }
        done = {number: task for number, task in tasks.items() if number not in failed}
        failed |= {number: error for number, task in done.items() if (error := task.exception())}
        return {at: task.result() for at, task in done.items() if at not in failed}, failed

    def _note(self, failed: Failures) -> str:
        reasons = "; ".join(f"shard {at} {_reason(failed[at])}" for at in sorted(failed))
        return f"{len(failed)} of {len(self._shards)} shards did not answer: {reasons}"[:_LONGEST]


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return TOO_LATE
    return f"failed: {type(error).__name__}: {error}"


def _vectors_of(rows: Addresses, answers: Collection[Held], dimension: int) -> VectorsOf:
    vectors = np.zeros((len(rows), dimension), np.float32)
    for held in answers:
        vectors[held.shown] = held.vectors
    order = np.argsort(rows, kind="stable")

    def of(addresses: Addresses) -> Vectors:
        found = np.zeros((len(addresses), dimension), np.float32)
        if len(rows):
            at = order[np.minimum(np.searchsorted(rows, addresses, sorter=order), len(rows) - 1)]
            here = rows[at] == addresses
            found[here] = vectors[at[here]]
        return found

    return of
