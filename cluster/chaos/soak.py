"""Mixed load for a long time, and whether the mesh grows with it."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from cluster.chaos.ledger import outcomes, unanswered
from cluster.chaos.load import Load, LoadPlan
from cluster.chaos.mesh import RunningMesh
from cluster.chaos.sampling import Sample, sample
from cluster.chaos.trends import Trend, trend

HEADERS = ("figure", "first", "last", "per hour", "95 % interval")
_SHOWN = 5


class SoakReport(BaseModel):
    """What a soak has shown; `warm_up_s` is left out of the trends."""

    minutes: float
    warm_up_s: float
    samples: int
    outcomes: dict[str, int]
    unanswered: int
    held_back: int
    wrong_answers: list[str]
    lost_writes: list[str]
    trends: list[Trend]

    @property
    def ok(self) -> bool:
        """Whether every request was answered, and answered right."""
        return not (self.unanswered or self.wrong_answers or self.lost_writes)

    def rows(self) -> list[tuple[str, ...]]:
        """Return the trends as text, in the order of `HEADERS`."""
        return [
            (
                one.what,
                f"{one.first:,.0f}",
                f"{one.last:,.0f}",
                f"{one.per_hour:+,.0f}",
                f"{one.low:+,.0f} to {one.high:+,.0f}",
            )
            for one in self.trends
        ]

    def summary(self) -> list[str]:
        """Return what became of the requests, and the first of what was wrong."""
        counts = ", ".join(f"{count} {what}" for what, count in sorted(self.outcomes.items()))
        return [
            f"{self.minutes:g} minutes, {self.samples} samples after a warm-up of "
            f"{self.warm_up_s:.0f} s: {counts}; {self.held_back} held back, "
            f"{len(self.wrong_answers)} wrong answers, {len(self.lost_writes)} lost writes",
            *self.wrong_answers[:_SHOWN],
            *self.lost_writes[:_SHOWN],
        ]


async def soak(
    mesh: RunningMesh,
    corpus: Path,
    plan: LoadPlan,
    minutes: float,
    every_s: float = 10.0,
    warm_up_share: float = 0.2,
) -> SoakReport:
    """Search and write for `minutes`, looking at the mesh every `every_s` seconds."""
    load, samples, began = Load(plan), list[Sample](), time.monotonic()
    async with load:
        while (passed := time.monotonic() - began) < 60 * minutes:
            samples.append(await asyncio.to_thread(sample, mesh, corpus, passed))
            await asyncio.sleep(every_s)
        await load.stop()
        counted = list(load.ledger.entries)
        lost = await load.lost_writes()
        await load.clean_up()
    warm_up_s = 60 * minutes * warm_up_share
    kept = [one for one in samples if one.at_s >= warm_up_s]
    return SoakReport(
        minutes=minutes,
        warm_up_s=warm_up_s,
        samples=len(kept),
        outcomes=outcomes(counted),
        unanswered=len(unanswered(counted)),
        held_back=load.ledger.held_back,
        wrong_answers=load.ledger.wrong,
        lost_writes=lost,
        trends=trends(kept),
    )


def trends(samples: Sequence[Sample]) -> list[Trend]:
    """Return the trend of every figure of the samples."""
    moments = [one.at_s for one in samples]
    rows = [one.values() for one in samples]
    return [trend(name, moments, [row[name] for row in rows]) for name in rows[0]]
