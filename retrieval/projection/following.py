"""Following the corpus in the background, for as long as a process lives."""

import logging
import random
import threading
import time
from dataclasses import dataclass

from retrieval.closing import Closing
from retrieval.corpus.store import Corpus
from retrieval.projection.base import Position
from retrieval.projection.projection import Projection

_LOG = logging.getLogger(__name__)
PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_VERIFY_S = 30.0
# Answers that look wrong are looked into no more often than this.
_DOUBT_S = 5.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an engine has come: what it shows, and since when it lacks the newest version.

    `behind_since` is on the clock of `time.monotonic`; None where it lacks nothing.
    `trouble` is the last error, None once it is over.
    """

    position: Position | None = None
    newest: int = 0
    behind_since: float | None = None
    trouble: str | None = None

    @property
    def asked(self) -> bool:
        """Whether the engine was asked at all."""
        return self.newest > 0 or self.trouble is not None

    def shows(self, version: int) -> bool:
        """Say whether searches of the engine see `version`."""
        return self.position is not None and self.position.version >= version

    @property
    def lag_versions(self) -> int:
        """How many versions of the corpus the engine lacks."""
        shown = self.position.version if self.position else 0
        # What was applied may be newer than what was last looked at.
        return max(0, self.newest - shown)

    @property
    def lag_seconds(self) -> float:
        """For how many seconds the engine has lacked the newest version; 0 where it does not."""
        return 0.0 if self.behind_since is None else time.monotonic() - self.behind_since


class Following(Closing):
    """Brings a projection up to date again and again, in a thread of its own.

    While the engine is in trouble the pauses grow to half a minute. Where another process
    does the work, this one only looks how far it has come.
    """

    def __init__(self, corpus: Corpus, projection: Projection, pause_s: float = PAUSE_S) -> None:
        self.projection = projection
        self._corpus = corpus
        self._pause_s = pause_s
        self._progress = Progress(behind_since=time.monotonic())
        self._verified = time.monotonic()
        self._failures = 0
        self._looked = threading.Event()
        self._closed = False
        self._called = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(
            target=self._run, name=f"follow {projection.name}", daemon=True
        )
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Return once the engine has been asked how far it is, or failed; or time is up."""
        self._looked.wait(seconds)

    @property
    def progress(self) -> Progress:
        """How far the engine has come, as far as is known here."""
        return self._progress

    def doubt(self) -> None:
        """Have the engine looked through, since it gave an answer that cannot be right."""
        with self._changed:
            if time.monotonic() - self._verified > _DOUBT_S:
                self._verified = float("-inf")
                self._called = True
                self._changed.notify()

    def hurry(self) -> None:
        """Try at once: the engine is known to answer again."""
        with self._changed:
            self._called = True
            self._changed.notify()

    def close(self) -> None:
        """End the thread, and return when it has ended; a rebuild under way is given up."""
        self.projection.stop()
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed:
            try:
                self._step()
                self._failures = 0
            except Exception as error:
                self._note_trouble(error)
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._called, self._pause())
                self._called = False

    def _step(self) -> None:
        newest, known = self._corpus.version, self._progress.position
        # To follow may take long.
        self._note(known or self.projection.look(), newest)
        self.projection.follow()
        if time.monotonic() - self._verified > _VERIFY_S:
            self.projection.verify()
            self._verified = time.monotonic()
        self._note(self.projection.look(), newest)

    def _note(self, position: Position | None, newest: int) -> None:
        if position and position.version >= newest:
            since = None
        else:
            since = self._progress.behind_since or time.monotonic()
        self._progress = Progress(position, newest, since)
        self._looked.set()

    def _note_trouble(self, error: Exception) -> None:
        if not self._closed and not self._failures:
            _LOG.warning("%s cannot follow the corpus: %s", self.projection.name, error)
        self._failures += 1
        before = self._progress
        since = before.behind_since or time.monotonic()
        self._progress = Progress(before.position, before.newest, since, str(error))
        self._looked.set()

    def _pause(self) -> float:
        longest = min(_LONGEST_PAUSE_S, self._pause_s * 2**self._failures)
        return longest if not self._failures else random.uniform(longest / 2, longest)
