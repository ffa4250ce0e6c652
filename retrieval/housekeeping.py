"""Keeping a corpus in order beside its use in one process, as the gateway does it."""

import logging
import threading

from retrieval.closing import Closing
from retrieval.corpus.store import Corpus

_LOG = logging.getLogger(__name__)
# As often as the gateway, or sooner where a script writes without a pause.
_PAUSE_S = 60.0
_COMMITS = 50


class Housekeeping(Closing):
    """Joins small files, merges index segments and drops old versions now and then.

    In a thread of its own, which `close` waits for; a round under way is finished.
    """

    def __init__(self, corpus: Corpus, pause_s: float = _PAUSE_S, commits: int = _COMMITS) -> None:
        self._corpus = corpus
        self._pause_s = pause_s
        self._most = commits
        self._waiting = 0
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)
        self._thread.start()

    def committed(self) -> None:
        """Take notice of a commit; never waits for the upkeep."""
        with self._changed:
            self._waiting += 1
            if self._waiting >= self._most:
                self._changed.notify()

    def close(self) -> None:
        """End the thread, and return when it has ended."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while self._due():
            try:
                self._corpus.optimize()
            except Exception as error:
                # The next round may do better, and nobody but the log waits for this one.
                _LOG.warning("the corpus cannot be kept in order now: %s", error)

    def _due(self) -> bool:
        """Wait for the next round; False where there is none."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or self._waiting >= self._most, self._pause_s
            )
            self._waiting = 0
            return not self._closed
