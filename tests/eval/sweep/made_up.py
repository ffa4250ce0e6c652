"""Trials whose figures a test decides."""

from collections.abc import Callable, Sequence

import numpy as np

from eval.datasets.base import Dataset
from eval.suites.spec import Collection
from eval.sweep.points import IndexSetting, Point, Setting
from eval.sweep.run import Sweep, run_sweep
from eval.sweep.spec import SweepSpec
from eval.sweep.trials import Job, Measured

QUERIES = [f"q{number}" for number in range(40)]
DATASET = Dataset("many", (), dict.fromkeys(QUERIES, "?"), {query: {"a": 1} for query in QUERIES})
NOW = Point(index=IndexSetting(), search=Setting(fusion="convex", alpha=0.7, neighbor_share=0.4))
Mean = Callable[[Point], float]


class MadeUpTrials:
    """Values around `mean` with `noise` that differs for every point; stands where an index would.

    `known` are the means of known items, `seconds` those of the time of a search.
    """

    def __init__(
        self,
        mean: Mean,
        noise: float,
        known: Mean = lambda _point: 0.8,
        seconds: Mean = lambda _point: 0.02,
    ) -> None:
        self._means = {"labelled": mean, "known-items": known}
        self._noise = noise
        self._seconds = seconds
        self.jobs: list[Job] = []

    def run(self, jobs: Sequence[Job]) -> list[Measured]:
        """Return the same values for the same point, whenever it is asked for."""
        self.jobs += jobs
        return [self._measured(job) for job in jobs]

    def _measured(self, job: Job) -> Measured:
        points = [Point(index=job.index, search=setting) for setting in job.settings]
        values = {p.search: self._drawn(self._means[job.collection](p), p) for p in points}
        if not job.timed:
            return Measured(values)
        return Measured(values, {p.search: self._times(p) for p in points})

    def _drawn(self, mean: float, point: Point) -> dict[str, float]:
        rng = np.random.default_rng(list(str(point).encode()))
        return dict(zip(QUERIES, rng.normal(mean, self._noise, len(QUERIES)).tolist(), strict=True))

    def _times(self, point: Point) -> dict[str, float]:
        return {query: self._seconds(point) * (1 + at / 100) for at, query in enumerate(QUERIES)}


def swept(spec: SweepSpec, trials: MadeUpTrials, *, known: bool = False, now: Point = NOW) -> Sweep:
    """Run `spec` over made-up trials."""
    collections: dict[Collection, Dataset] = {"labelled": DATASET}
    if known:
        collections["known-items"] = DATASET
    return run_sweep(spec, collections, now, trials)
