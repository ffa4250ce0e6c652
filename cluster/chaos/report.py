"""What a run of strikes has shown: a row for each, and whether a promise was broken."""

from pydantic import BaseModel

from cluster.chaos.ledger import Entry, outcomes, unanswered
from cluster.chaos.strikes import Struck

HEADERS = (
    "part",
    "way",
    "of",
    "whole after s",
    "last failure after s",
    "searches failed",
    "writes failed",
    "degraded",
    "slowest s",
    "verdict",
)
_SHOWN = 5


class StrikeRow(BaseModel):
    """What one strike did; seconds count from it.

    `of` is how many of the part there were. A search or write has failed that was not
    answered, refused ones too; `faults` are those that the part's loss must not cost.
    """

    part: str
    way: str
    of: int
    requests: int
    whole_s: float
    last_failure_s: float
    searches_failed: int
    writes_failed: int
    degraded: int
    slowest_s: float
    outcomes: dict[str, int]
    faults: list[str] = []

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong that must not."""
        return not self.faults

    def cells(self) -> tuple[str, ...]:
        """Return the row as text, in the order of `HEADERS`."""
        return (
            self.part,
            self.way,
            str(self.of),
            f"{self.whole_s:.1f}",
            f"{self.last_failure_s:.1f}",
            str(self.searches_failed),
            str(self.writes_failed),
            str(self.degraded),
            f"{self.slowest_s:.1f}",
            "ok" if self.ok else "BROKEN",
        )


class ChaosReport(BaseModel):
    """A whole run: its seed, its load, its rows, and what is wrong for all of it.

    `ended` says why the strikes ended before their time; empty: they did not.
    """

    seed: int
    searches_per_s: float
    writes_per_s: float
    seconds: float
    requests: int
    held_back: int
    acknowledged_writes: int
    rows: list[StrikeRow]
    wrong_answers: list[str]
    lost_writes: list[str]
    skipped: list[str] = []
    ended: str = ""

    @property
    def ok(self) -> bool:
        """Whether every promise was kept."""
        wrong = self.wrong_answers or self.lost_writes or self.ended
        return not wrong and all(row.ok for row in self.rows)

    def to_markdown(self) -> str:
        """Return the table for the documentation."""
        lines = [HEADERS, ("---",) * len(HEADERS), *(row.cells() for row in self.rows)]
        return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)

    def summary(self) -> list[str]:
        """Return one line for what holds for the whole run, and one for each fault."""
        rate = f"{self.searches_per_s:g} searches and {self.writes_per_s:g} writes/s asked for"
        lines = [
            f"{self.requests} requests in {self.seconds:.0f} s ({rate}, {self.held_back} held "
            f"back), seed {self.seed}: {len(self.wrong_answers)} wrong answers, "
            f"{len(self.lost_writes)} of {self.acknowledged_writes} acknowledged writes lost"
        ]
        faults = [f"{row.part}: {fault}" for row in self.rows for fault in row.faults]
        lines += [*self.wrong_answers[:_SHOWN], *self.lost_writes[:_SHOWN], *faults, *self.skipped]
        lines += [f"ended early: {self.ended}"] if self.ended else []
        return lines


def row_of(struck: Struck, entries: list[Entry], whole_s: float) -> StrikeRow:
    """Judge what became of the requests that were under way at the strike, or came later."""
    lost = unanswered(entries)
    cost = struck.strike.part.cost(struck.of)
    faults = [entry for entry in lost if not cost.allows(entry.kind, entry.outcome)]
    return StrikeRow(
        part=struck.strike.part.name,
        way=struck.strike.way,
        of=struck.of,
        requests=len(entries),
        whole_s=whole_s,
        last_failure_s=max((entry.ended - struck.at for entry in lost), default=0.0),
        searches_failed=sum(entry.kind != "write" for entry in lost),
        writes_failed=sum(entry.kind == "write" for entry in lost),
        degraded=sum(entry.degraded for entry in entries),
        slowest_s=max((entry.seconds for entry in entries), default=0.0),
        outcomes=outcomes(entries),
        faults=[_told(struck, entry) for entry in faults[:_SHOWN]],
    )


def _told(struck: Struck, entry: Entry) -> str:
    return (
        f"a {entry.kind} {entry.at - struck.at:+.1f} s from the strike was {entry.outcome} "
        f"after {entry.seconds:.1f} s: {entry.detail}"
    )
