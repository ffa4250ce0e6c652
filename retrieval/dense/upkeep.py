"""Work beside the searches, in a thread that lives as long as there is any."""

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable

import faiss

_LOG = logging.getLogger(__name__)
_NICE = 10


class Upkeep:
    """Calls `step` until it says that nothing is left; `wake` begins again."""

    def __init__(self, step: Callable[[], bool]) -> None:
        self._step = step
        self._state = threading.Condition()
        self._wanted = self._running = self._closed = False
        self._failure: Exception | None = None
        self._thread: threading.Thread | None = None

    @property
    def closed(self) -> bool:
        """Whether no more work is wanted."""
        return self._closed

    def wake(self) -> None:
        """Let `step` be called soon; does not wait."""
        with self._state:
            self._wanted = True
            if not self._running and not self._closed:
                self._running = True
                self._thread = threading.Thread(target=self._run, name="dense-upkeep", daemon=True)
                self._thread.start()

    def settle(self, timeout: float | None) -> bool:
        """Wait until the thread rests; False after `timeout` seconds. Raises what ended it."""
        with self._state:
            done = self._state.wait_for(lambda: not self._running, timeout)
            failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        return done

    def close(self, *, wait: bool = False) -> None:
        """End after the step under way; with `wait`, return when the thread has ended."""
        with self._state:
            self._closed = True
            thread = self._thread
        if wait and thread is not None:
            thread.join()

    def _run(self) -> None:
        _give_way()
        while self._more():
            try:
                while not self._closed and self._step():
                    pass
            except Exception as error:
                _LOG.exception("the dense index goes on as it is; its upkeep failed")
                with self._state:
                    self._failure = error

    def _more(self) -> bool:
        with self._state:
            more = self._wanted and not self._closed
            self._wanted = False
            if not more:
                self._running = False
                self._state.notify_all()
            return more


def _give_way() -> None:
    faiss.omp_set_num_threads(1)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
