"""Which version of the corpus a search sees."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor

from retrieval.dense.follower import DenseFollower, Snapshot
from retrieval.errors import StaleIndexError

_PAUSE = 0.02
_CHECK_INTERVAL = 0.2


class Freshness:
    """Hands out snapshots and keeps the follower near the newest version.

    Searches look for a newer version at most every 0.2 s and wait 20 ms for it at
    most; a caller that names a version waits for that one.
    """

    def __init__(self, follower: DenseFollower, threads: Executor) -> None:
        self._follower = follower
        self._threads = threads
        self._checked = 0.0
        self._task: asyncio.Task[Snapshot] | None = None

    async def refresh(self) -> Snapshot:
        """Apply the newest version and return it."""
        return await asyncio.shield(self._refresh())

    async def snapshot(self, min_version: int | None, deadline: float) -> Snapshot:
        """Return a snapshot of at least `min_version`.

        Raises `StaleIndexError` when there is none by `deadline`, on the clock of
        `time.monotonic`.
        """
        wanted = min_version or 0
        if self._follower.version == 0:
            await self.refresh()
        elif self._follower.version >= wanted:
            await self._look_for_news()
        while self._follower.version < wanted:
            await self.refresh()
            if self._follower.version < wanted:
                await self._pause(wanted, deadline)
        return self._follower.snapshot

    async def _pause(self, wanted: int, deadline: float) -> None:
        if time.monotonic() + _PAUSE > deadline:
            raise StaleIndexError(
                f"index version {wanted} is not visible yet, {self._follower.version} is; "
                "ask again in a moment"
            )
        await asyncio.sleep(_PAUSE)

    async def _look_for_news(self) -> None:
        now = time.monotonic()
        if now - self._checked < _CHECK_INTERVAL:
            return
        self._checked = now
        if await self._in_thread(self._follower.behind):
            await asyncio.wait([self._refresh()], timeout=_PAUSE)

    def _refresh(self) -> "asyncio.Task[Snapshot]":
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._apply())
        return self._task

    async def _apply(self) -> Snapshot:
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._follower.refresh
        )

    async def _in_thread(self, work: Callable[[], bool]) -> bool:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
