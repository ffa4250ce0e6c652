"""Says what bring-up waits for: a spinner on a terminal, otherwise lines."""

import time
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

from cluster.errors import NotReadyError

_LINE_EVERY_S = 1.5
_LOOK_EVERY_S = 0.4

Check = Callable[[], str | None]


class Progress:
    """Reports one wait after the other, all inside one time limit.

    A check returns what it waits for, or None when that has come. It may block:
    it runs in a thread, so that the report goes on.
    """

    def __init__(self, console: Console, limit_s: float, logs: Path) -> None:
        self._console = console
        self._limit = limit_s
        self._logs = logs
        self._started = time.monotonic()
        self._spinner: Status | None = None
        self._last_line = 0.0
        self._thread = ThreadPoolExecutor(1, "check")

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._spinner = self._console.status("")
            self._spinner.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._spinner:
            self._spinner.stop()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def wait(self, what: str, check: Check) -> None:
        """Wait for `what` until `check` has nothing left; `NotReadyError` at the time limit."""
        waiting: str | None = what
        while waiting is not None:
            call = self._thread.submit(check)
            while not call.done():
                self._report(waiting)
                futures.wait([call], timeout=_LOOK_EVERY_S)
            waiting = call.result()
            if waiting is not None:
                self._report(waiting)
                time.sleep(_LOOK_EVERY_S)

    def _report(self, waiting: str) -> None:
        if self.elapsed_s >= self._limit:
            raise NotReadyError(
                f"not ready within {self._limit:.0f} s: {waiting}; look into {self._logs}, "
                "or give it more time with PMOVES_RAY__READY_S."
            )
        text = f"{waiting} ({self.elapsed_s:.0f} s)"
        if self._spinner:
            self._spinner.update(text)
        elif time.monotonic() - self._last_line >= _LINE_EVERY_S:
            self._last_line = time.monotonic()
            self._console.print(f"  waiting: {text}", soft_wrap=True, highlight=False)
