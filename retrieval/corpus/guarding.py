"""A circuit breaker before the object store that a corpus lies in.

Without the store no search can be answered, for passages are read from it. So while it does
not answer, searches are told at once, and do not fill all threads by waiting for it.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import lance

from retrieval.circuit import CircuitBreaker
from retrieval.object_store import storage_options
from retrieval.settings import S3Settings

T = TypeVar("T")
# One that hangs must not keep the next one waiting.
_THREADS = 4


class StoreGuard:
    """Guards searches of the table at `uri`; use it from one event loop.

    `opened` is told when searches are refused from now on, and when no longer.
    """

    def __init__(self, uri: str, settings: S3Settings, opened: Callable[[bool], None]) -> None:
        self._uri = uri
        self._patience = settings.patience_ms / 1_000
        self._threads = ThreadPoolExecutor(_THREADS, "store")
        self._circuit = CircuitBreaker(
            "object store", self._ask, self._patience, settings.retry_ms / 1_000, opened
        )

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Return the result of `work`; `CircuitOpenError` as soon as the store is given up."""
        return await self._circuit.call(work)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._open)

    def _open(self) -> None:
        given = storage_options(self._uri) or {}
        milliseconds = f"{math.ceil(1_000 * self._patience)}ms"
        once = {"timeout": milliseconds, "connect_timeout": milliseconds, "client_max_retries": "0"}
        lance.dataset(self._uri, storage_options={**given, **once})


def guard_store(
    uri: str, settings: S3Settings, opened: Callable[[bool], None]
) -> StoreGuard | None:
    """Return what guards the table at `uri`; None for one on a disk, which always answers."""
    return StoreGuard(uri, settings, opened) if "://" in uri else None
