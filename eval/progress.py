"""Progress as plain lines, for terminals and logs alike."""

import sys
from collections.abc import Callable
from typing import TextIO

_STEPS = 4

Progress = Callable[[str, int, int], None]
"""Takes a stage, how much of it is done, and how much there is."""


class LineProgress:
    """Writes a line each time that another quarter of a stage is done."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._last: tuple[str, int] = ("", 0)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take note that `done` of `total` are done in `stage`."""
        step = (stage, done * _STEPS // max(total, 1))
        if step != self._last and step[1] > 0:
            print(f"{stage}: {done} of {total}", file=self._stream, flush=True)
        self._last = step
