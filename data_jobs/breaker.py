"""Leaving out for a while whoever has failed several times in a row."""

import threading
import time
from collections.abc import Callable


class Breaker:
    """Opens after `failures` in a row, and lets one try through after `seconds`; thread-safe."""

    def __init__(
        self, failures: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = failures
        self._seconds = seconds
        self._clock = clock
        self._failures = 0
        self._until = 0.0
        self._lock = threading.Lock()

    def is_open(self) -> bool:
        """Say whether to leave this one out; after a while one caller hears that he may try."""
        with self._lock:
            if self._failures < self._most:
                return False
            if self._clock() < self._until:
                return True
            self._until = self._clock() + self._seconds
            return False

    def succeeded(self) -> None:
        """Note an answer."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """Note a failure."""
        with self._lock:
            self._failures += 1
            self._until = self._clock() + self._seconds
