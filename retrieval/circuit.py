"""A circuit breaker: who asks a service that does not answer is told so at once.

No published one does what is wanted here: they let a caller pay for each trial, all
callers at once where they are asynchronous, and count calls that a caller gave up
after a millisecond. Here only calls of the breaker's own decide.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import TypeVar

from retrieval.errors import OverloadedError, StageError

T = TypeVar("T")
# A call that has taken this share of the patience makes the breaker ask for itself.
_SOON = 0.25
_log = logging.getLogger(__name__)


class CircuitOpenError(StageError):
    """The service is known not to answer, so it was not asked."""


class CircuitBreaker:
    """Guards calls of the service `name`; use it from one event loop.

    A call that fails, is given up or takes long makes the breaker ask by `trial`, which
    has `patience` seconds. Without an answer the circuit opens: calls are refused, those
    that wait are let go, and `trial` is made again every `pause` seconds until one is
    answered. A service that refuses calls because it is full counts as one that answers
    while the circuit is closed. `opened` is told each change.
    """

    def __init__(
        self,
        name: str,
        trial: Callable[[], Awaitable[object]],
        patience: float,
        pause: float,
        opened: Callable[[bool], None],
    ) -> None:
        self._name = name
        self._trial = trial
        self._patience = patience
        self._pause = pause
        self._opened = opened
        self._open = False
        self._open_since = 0.0
        self._calls: set[asyncio.Timeout] = set()
        self._judging: asyncio.Task[None] | None = None
        self._trusted_until = 0.0

    @property
    def open_s(self) -> float:
        """Seconds for which the circuit has been open; 0 while it is closed."""
        return asyncio.get_running_loop().time() - self._open_since if self._open else 0.0

    def check(self) -> None:
        """Raise `CircuitOpenError` while the circuit is open."""
        if self._open:
            raise self._refusal()

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Return the result of `work`; raises `CircuitOpenError` as soon as the circuit is open."""
        limit = asyncio.timeout(None)
        with self.watched():
            self._calls.add(limit)
            try:
                async with limit:
                    return await work()
            except BaseException:
                if limit.expired():
                    raise self._refusal() from None
                raise
            finally:
                self._calls.discard(limit)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Doubt the service if the block takes long or fails; it is never let go itself."""
        self.check()
        doubt = asyncio.get_running_loop().call_later(_SOON * self._patience, self.doubt)
        try:
            yield
        except OverloadedError:
            raise
        except BaseException:
            self.doubt()
            raise
        finally:
            doubt.cancel()

    def doubt(self) -> None:
        """Find out whether the service answers, unless it was found out a moment ago."""
        loop = asyncio.get_running_loop()
        judging = self._judging is not None and not self._judging.done()
        if not judging and loop.time() >= self._trusted_until:
            # In a context of its own: it belongs to no caller's trace.
            self._judging = loop.create_task(self._judge(), context=Context())

    async def _judge(self) -> None:
        while not await self._answers():
            self._set(True)
            await asyncio.sleep(self._pause)
        self._set(False)
        # Callers can bring about doubts at will; they shall not cost a trial each.
        self._trusted_until = asyncio.get_running_loop().time() + self._pause

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(self._patience):
                await self._trial()
        except OverloadedError:
            return not self._open
        except Exception:
            return False
        return True

    def _refusal(self) -> CircuitOpenError:
        return CircuitOpenError(
            f"the {self._name} does not answer; it is asked again every {self._pause:g} s"
        )

    def _set(self, is_open: bool) -> None:
        if is_open == self._open:
            return
        self._open = is_open
        self._open_since = asyncio.get_running_loop().time()
        self._opened(is_open)
        if is_open:
            for limit in self._calls:
                limit.reschedule(0)
        what = "does not answer; it is left out" if is_open else "answers again"
        _log.warning("the %s %s", self._name, what)
