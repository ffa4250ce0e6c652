"""Which version of the corpus a search sees."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor

from retrieval.dense.follower import DenseFollower, Snapshot
from retrieval.errors import CorpusError, StaleIndexError

_LOG = logging.getLogger(__name__)
_PAUSE = 0.02
_CHECK_INTERVAL = 0.2
# Well below the time for which superseded versions stay on disk.
_TRUSTED = 60.0


class Freshness:
    """Hands out snapshots and keeps the follower near the newest version.

    Searches look for a newer version at most every 0.2 s and wait 20 ms for it at
    most; a caller that names a version, or comes after a minute without any search,
    waits for as long as its deadline allows. `before` is called in front of each refresh
    of the follower, and `ready` awaited after it.
    """

    def __init__(
        self,
        follower: DenseFollower,
        threads: Executor,
        before: Callable[[], None] = lambda: None,
        ready: Callable[[Snapshot], Awaitable[None]] | None = None,
    ) -> None:
        self._follower = follower
        self._threads = threads
        self._before = before
        self._ready = ready
        self._checked = time.monotonic()
        self._task: asyncio.Task[Snapshot] | None = None

    async def refresh(self) -> Snapshot:
        """Apply the newest version and return it."""
        if self._task is not None and not self._task.done():
            # It may have begun before the write that the caller wants to see.
            await asyncio.wait([self._task])
        return await asyncio.shield(self._start())

    async def snapshot(self, min_version: int | None, deadline: float) -> Snapshot:
        """Return a snapshot of at least `min_version`.

        Raises `StaleIndexError` when there is none by `deadline`, on the clock of
        `time.monotonic`, and at once where that version was lost by a restoration.
        """
        wanted = max(1, min_version or 0)
        if self._follower.version >= wanted:
            await self._look_for_news(deadline)
        while self._follower.version < wanted:
            await self._wait_for_refresh(deadline)
            if self._follower.version < wanted:
                await self._pause(wanted, deadline)
        return _holding(self._follower.snapshot, wanted)

    async def _wait_for_refresh(self, deadline: float) -> None:
        task = self._start()
        await asyncio.wait([task], timeout=max(0.0, deadline - time.monotonic()))
        if task.done():
            task.result()

    async def _pause(self, wanted: int, deadline: float) -> None:
        if time.monotonic() + _PAUSE > deadline:
            raise StaleIndexError(
                f"index version {wanted} is not visible yet, {self._follower.version} is; "
                "ask again in a moment"
            )
        await asyncio.sleep(_PAUSE)

    async def _look_for_news(self, deadline: float) -> None:
        now = time.monotonic()
        idle = now - self._checked
        if idle < _CHECK_INTERVAL:
            return
        self._checked = now
        patience = deadline if idle > _TRUSTED else min(deadline, now + _PAUSE)
        try:
            await self._wait_for_refresh(patience)
        except (CorpusError, OSError, ValueError) as error:
            _LOG.warning("cannot look for a newer index version: %s", error)

    def _start(self) -> "asyncio.Task[Snapshot]":
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._apply())
            self._task.add_done_callback(_hear)
        return self._task

    def _refresh(self) -> Snapshot:
        self._before()
        return self._follower.refresh()

    async def _apply(self) -> Snapshot:
        begun = time.monotonic()
        snapshot = await asyncio.get_running_loop().run_in_executor(self._threads, self._refresh)
        if self._ready:
            await self._ready(snapshot)
        # Whoever asked for it: a search that comes next need not look again, nor wait.
        self._checked = max(self._checked, begun)
        return snapshot


def _holding(snapshot: Snapshot, wanted: int) -> Snapshot:
    if (backup := snapshot.numbering.restored_from(wanted)) is not None:
        raise StaleIndexError(
            f"index version {wanted} was handed out before the corpus was restored from a backup "
            f"of version {backup}, and will not come back; store again what it stood for, or ask "
            "without min_index_version"
        )
    return snapshot


def _hear(task: "asyncio.Task[Snapshot]") -> None:
    # Nobody may be waiting any more when it fails.
    if not task.cancelled():
        task.exception()
