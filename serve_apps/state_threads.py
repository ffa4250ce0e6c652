"""Calls of the state database, away from everything else.

A database that hangs keeps the thread of each call for as long as it hangs: no driver gives up
reading an answer. So these calls have threads of their own, and a caller waits for so long only.
"""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from retrieval.errors import PmovesError

T = TypeVar("T")
_THREADS = 8


class StateError(PmovesError):
    """The state database did not answer in time."""


class StateThreads:
    """Runs blocking calls, each for `limit_s` seconds at most as far as its caller is concerned."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._threads = ThreadPoolExecutor(_THREADS, "state")

    async def call(
        self, work: Callable[..., T], *arguments: object, limit_s: float | None = None
    ) -> T:
        """Return what `work` returns; raises `StateError` where that takes longer.

        What was begun may still come about then.
        """
        limit = self._limit_s if limit_s is None else limit_s
        context = contextvars.copy_context()
        running = asyncio.get_running_loop().run_in_executor(
            self._threads, context.run, work, *arguments
        )
        try:
            # Not `wait_for`, which can lose a cancellation that comes with the answer.
            async with asyncio.timeout(limit):
                return await running
        except TimeoutError as error:
            raise StateError(
                f"the state database took longer than {limit:g} s (PMOVES_STATE__TIMEOUT_S)"
            ) from error

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
