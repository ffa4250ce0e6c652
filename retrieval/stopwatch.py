"""Where the time of one search goes."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

# Opened around each stage, by its name, by whoever traces searches.
StageSpans = Callable[[str], AbstractContextManager[object]]


class Stopwatch:
    """Seconds per stage, and the time that is left before a deadline."""

    def __init__(self, budget_ms: int, spans: StageSpans = nullcontext) -> None:
        self._spans = spans
        self._start = time.monotonic()
        self._stages: dict[str, float] = {}
        self.deadline = self._start + budget_ms / 1000

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time inside the block to the stage `name`."""
        start = time.monotonic()
        try:
            with self._spans(name):
                yield
        finally:
            self._stages[name] = self._stages.get(name, 0.0) + time.monotonic() - start

    def seconds_left(self, limit_ms: int) -> float:
        """Return the seconds a stage may take: its own limit, or what the budget has left."""
        return max(0.0, min(limit_ms / 1000, self.deadline - time.monotonic()))

    def require_time(self, limit_ms: int) -> float:
        """Return the seconds a stage may take; `TimeoutError` where the budget is used up."""
        left = self.seconds_left(limit_ms)
        if not left:
            raise TimeoutError
        return left

    def timings_ms(self) -> dict[str, float]:
        """Return milliseconds per stage, and `total` since the start."""
        stages = self._stages | {"total": time.monotonic() - self._start}
        return {name: round(seconds * 1000, 3) for name, seconds in stages.items()}
