"""What the stages of a running job tell, wherever they run."""

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from data_jobs.aside import Aside

# Documents of which it is known whether they are quick; counted beside the stages.
LOOKED_AT = "looked_at"


@dataclass(slots=True)
class Tally:
    """The state of a job: documents past each stage, and what holds it up at present.

    `complete` says that listing is over, so that `counts["list"]` is the total.
    """

    counts: Counter[str] = field(default_factory=Counter)
    complete: bool = False
    doing: str = ""
    stopping: bool = False
    paused: bool = False


class MonitorLostError(Exception):
    """The monitor does not answer; a job can go on without it."""


class Monitor(Protocol):
    """Where stages report to."""

    def add(self, what: str, count: int) -> None:
        """Count documents past a stage, or passages."""
        ...

    def flush(self) -> None:
        """Make sure that what was counted is known."""
        ...

    def listed(self) -> None:
        """Say that every file is listed."""
        ...

    def doing(self, what: str) -> None:
        """Say what takes time just now; empty when it is done."""
        ...

    def stopping(self) -> bool:
        """Return whether the job is to end early."""
        ...

    def identity(self) -> str:
        """Return a name that changes when what was kept is lost."""
        ...

    def set_aside(self, data: bytes) -> bool:
        """Keep a pickled document for later; False when it has to be read now."""
        ...

    def aside(self, start: int) -> list[bytes] | None:
        """Return documents kept, from number `start` on; None when no more will come."""

    def paused(self) -> bool:
        """Return whether no further documents are to be taken up for now."""
        ...


class LocalMonitor:
    """A monitor inside one process."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._aside = Aside()
        self._identity = uuid.uuid4().hex

    def add(self, what: str, count: int) -> None:
        """Count documents past a stage, or passages."""
        self.tally.counts[what] += count

    def add_all(self, counts: Mapping[str, int]) -> None:
        """Count several things at once."""
        self.tally.counts.update(counts)

    def flush(self) -> None:
        """Nothing is held back here."""

    def listed(self) -> None:
        """Say that every file is listed."""
        self.tally.complete = True

    def doing(self, what: str) -> None:
        """Say what takes time just now."""
        self.tally.doing = what

    def stopping(self) -> bool:
        """Return whether the job is to end early."""
        return self.tally.stopping

    def identity(self) -> str:
        """Return a name that changes when what was kept is lost."""
        return self._identity

    def set_aside(self, data: bytes) -> bool:
        """Keep a pickled document for later; False when it has to be read now."""
        return self._aside.put(data)

    def aside(self, start: int) -> list[bytes] | None:
        """Return documents kept, from number `start` on; None when no more will come."""
        counts = self.tally.counts
        return self._aside.take(start, counts["list"], counts[LOOKED_AT])

    def paused(self) -> bool:
        """Return whether no further documents are to be taken up for now."""
        return self.tally.paused

    def pause(self, paused: bool) -> None:
        """Take up no further documents, or go on."""
        self.tally.paused = paused

    def wishes(self) -> tuple[bool, bool]:
        """Return whether the job is to stop, and whether to pause."""
        return self.tally.stopping, self.tally.paused

    def stop(self) -> None:
        """Let the job end early."""
        self.tally.stopping = True

    def snapshot(self) -> Tally:
        """Return the present state."""
        return self.tally
