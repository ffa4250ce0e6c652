"""One request after the other to each host, never faster than it likes."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from data_jobs.errors import StoppedError

_LOOK_S = 0.25


class Turns:
    """Spaces the requests to each host; safe from any thread.

    `wait` waits seconds, `stopping` says that nobody should wait any longer.
    """

    def __init__(
        self,
        stopping: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._stopping = stopping
        self._clock = clock
        self._wait = wait
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._next: dict[str, float] = {}

    @contextmanager
    def turn(self, host: str, pause: float) -> Iterator[None]:
        """Enter when it is this request's turn; the next one comes `pause` seconds later.

        Raises `StoppedError`.
        """
        with self._locks[host]:
            self.rest(self._next.get(host, 0.0) - self._clock())
            self._next[host] = self._clock() + pause
            yield

    def rest(self, seconds: float) -> None:
        """Wait so many seconds; raises `StoppedError`."""
        until = self._clock() + seconds
        while (left := until - self._clock()) > 0:
            if self._stopping():
                raise StoppedError
            self._wait(min(left, _LOOK_S))
