"""What a group of processes holds in memory."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import psutil
from pydantic import BaseModel

Processes = Callable[[], Sequence[psutil.Process]]
_SAMPLE_S = 0.5


class MemoryUsed(BaseModel):
    """Bytes: `pss` shares out what several processes hold together, `rss` counts it in each.

    Where the system does not tell the former, both are the latter.
    """

    rss: int = 0
    pss: int = 0

    def __add__(self, other: "MemoryUsed") -> "MemoryUsed":
        return MemoryUsed(rss=self.rss + other.rss, pss=self.pss + other.pss)


def memory_of(processes: Sequence[psutil.Process]) -> MemoryUsed:
    """Return what `processes` hold now; those that have ended meanwhile count nothing."""
    total = MemoryUsed()
    for process in processes:
        with contextlib.suppress(psutil.Error):
            found = process.memory_full_info()
            total += MemoryUsed(rss=found.rss, pss=getattr(found, "pss", found.rss))
    return total


class Peak:
    """The most that was seen so far, by PSS."""

    def __init__(self) -> None:
        self.most = MemoryUsed()

    def note(self, found: MemoryUsed) -> None:
        """Keep `found` if it is more."""
        if found.pss > self.most.pss:
            self.most = found


@contextmanager
def peak_memory(processes: Processes) -> Iterator[Peak]:
    """Look at `processes` twice a second for the time of the block, from a thread."""
    peak, done = Peak(), threading.Event()

    def sample() -> None:
        while not done.wait(_SAMPLE_S):
            peak.note(memory_of(processes()))

    peak.note(memory_of(processes()))
    watcher = threading.Thread(target=sample, name="peak-memory")
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()
