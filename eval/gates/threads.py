"""Work that blocks, in threads that nobody has to wait for.

A gate answers in time even where a database, a disk or an object store hangs: the
thread then stays behind, keeps its place until it ends, and ends with the process.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Generic, TypeVar

T = TypeVar("T")


class Threads:
    """At most `limit` threads at once; more work waits for a place."""

    def __init__(self, limit: int) -> None:
        self._free = asyncio.Semaphore(limit)

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns; being cancelled ends the waiting, not the work."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        found: asyncio.Future[T] = loop.create_future()
        body = partial(self._body, work, loop, found)
        try:
            threading.Thread(target=body, name="gate", daemon=True).start()
        except BaseException:
            self._free.release()
            raise
        return await found

    async def run_async(self, make: Callable[[], Coroutine[None, None, T]]) -> T:
        """Run a coroutine on a loop of its own; being cancelled cancels it too."""
        work = _Loop(make)
        try:
            return await self.run(work)
        except asyncio.CancelledError:
            work.cancel()
            raise

    def _body(
        self, work: Callable[[], T], loop: asyncio.AbstractEventLoop, found: "asyncio.Future[T]"
    ) -> None:
        try:
            settle = partial(_settle, found, result=work())
        except BaseException as error:
            settle = partial(_settle, found, error=error)
        # The loop is closed where the program ended first.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._free.release)
            loop.call_soon_threadsafe(settle)


def _settle(
    found: "asyncio.Future[T]", result: T | None = None, error: BaseException | None = None
) -> None:
    if found.done():
        return
    if error is None:
        found.set_result(result)  # type: ignore[arg-type]
    else:
        found.set_exception(error)


class _Loop(Generic[T]):
    """A coroutine on its own loop, cancelled from another thread."""

    def __init__(self, make: Callable[[], Coroutine[None, None, T]]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._cancelled = False
        self._cancel: Callable[[], object] = lambda: None

    def __call__(self) -> T:
        with asyncio.Runner() as runner:
            return runner.run(self._run(runner.get_loop()))

    def cancel(self) -> None:
        with self._lock, contextlib.suppress(RuntimeError):
            self._cancelled = True
            self._cancel()

    async def _run(self, loop: asyncio.AbstractEventLoop) -> T:
        task = asyncio.current_task()
        assert task is not None
        with self._lock:
            if self._cancelled:
                raise asyncio.CancelledError
            self._cancel = partial(loop.call_soon_threadsafe, task.cancel)
        return await self._make()
