"""Documents that wait until what is quick is done, so that scans do not delay Markdown."""

import tempfile
import time
import weakref
from collections.abc import Callable
from typing import BinaryIO

_STALLED_SECONDS = 180.0
_PIECE = 64


class Aside:
    """Keeps pickled documents in a file, in the order in which they came, until it is closed.

    It closes by itself once all were looked at and handed out, or when nothing has
    moved for minutes. What comes later is refused, and whoever brings it reads it at once:
    nothing gets lost, only out of order.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._file: BinaryIO | None = None
        self._places: list[tuple[int, int]] = []
        self._closed = False
        self._clock = clock
        self._seen = (0, 0)
        self._moved = clock()

    def put(self, data: bytes) -> bool:
        """Keep a document; return False when it is too late."""
        if self._closed:
            return False
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="pmoves-aside-")  # noqa: SIM115
            weakref.finalize(self, self._file.close)
        at = self._file.seek(0, 2)
        self._file.write(data)
        self._places.append((at, len(data)))
        return True

    def take(self, start: int, listed: int, looked_at: int) -> list[bytes] | None:
        """Return some documents from number `start` on, None when there will be no more.

        Of `listed` documents, `looked_at` have been found to be quick or set aside.
        """
        found = [self._read(place) for place in self._places[start : start + _PIECE]]
        if not found and (looked_at >= listed or self._is_stalled(listed, looked_at)):
            self._closed = True
            return None
        return found

    def _read(self, place: tuple[int, int]) -> bytes:
        assert self._file is not None
        self._file.seek(place[0])
        return self._file.read(place[1])

    def _is_stalled(self, listed: int, looked_at: int) -> bool:
        """Whether counts that a dead worker took along are waited for in vain."""
        if (listed, looked_at) != self._seen:
            self._seen, self._moved = (listed, looked_at), self._clock()
        return self._clock() - self._moved > _STALLED_SECONDS
