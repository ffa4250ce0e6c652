"""The report of `pmoves bench engines`."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from pydantic import BaseModel

from eval.bench.machine import Machine
from eval.bench.ratio import Ratio
from eval.tables import text_table


class Followed(BaseModel):
    """How long a projection took for so many chunks."""

    projection: str
    chunks: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.chunks / self.seconds:,.0f} chunks/s ({self.seconds:.1f} s)"


class Latencies(BaseModel):
    """Milliseconds of one side's searches of one kind, in one round."""

    side: str
    kind: str
    p50_ms: float
    p95_ms: float

    @classmethod
    def of(cls, side: str, kind: str, times: Sequence[float]) -> Self:
        """Return those of searches that took `times`, in milliseconds."""
        p50, p95 = np.percentile(times, [50, 95]).tolist()
        return cls(side=side, kind=kind, p50_ms=p50, p95_ms=p95)


class KindRatio(Ratio):
    """The p95 of the engines' searches over that of the embedded ones."""

    kind: str

    @classmethod
    def between(cls, kind: str, found: Sequence[Latencies], ours: str, theirs: str) -> Self:
        """Return it for searches of `kind`, from one figure of each side a round."""
        return cls.of(
            [each.p95_ms for each in found if (each.side, each.kind) == (ours, kind)],
            [each.p95_ms for each in found if (each.side, each.kind) == (theirs, kind)],
            kind=kind,
        )


class EnginesBenchReport(BaseModel):
    """What the engines cost and how fast they follow."""

    machine: Machine
    chunks: int
    rounds: int
    searches: int
    built: list[Followed]
    followed: list[Followed]
    latencies: list[Latencies]
    ratios: list[KindRatio]

    def to_text(self) -> str:
        """Return the report as plain text with Markdown tables."""
        head = (
            f"{self.chunks:,} chunks; {self.rounds} rounds of {self.searches} searches of each "
            f"kind and side, in turn\n{self.machine}"
        )
        rows = [
            (
                kind,
                side,
                f"{np.median([each.p50_ms for each in mine]):.1f} ms",
                f"{np.median([each.p95_ms for each in mine]):.1f} ms",
            )
            for (kind, side), mine in self._by_cell().items()
        ]
        shares = [(f"{each.kind}: p95 of engines / embedded", str(each)) for each in self.ratios]
        rates = [
            *((f"{each.projection} built anew", str(each)) for each in self.built),
            *((f"{each.projection} catches up", str(each)) for each in self.followed),
        ]
        return "\n\n".join(
            [
                head,
                text_table(("searches", "side", "p50", "p95"), rows),
                text_table(("what", "figure"), [*shares, *rates]),
            ]
        )

    def _by_cell(self) -> dict[tuple[str, str], list[Latencies]]:
        found: dict[tuple[str, str], list[Latencies]] = {}
        for each in self.latencies:
            found.setdefault((each.kind, each.side), []).append(each)
        return found
