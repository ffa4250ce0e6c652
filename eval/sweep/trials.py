"""Measuring settings over one index at a time, in this process or elsewhere."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from eval.datasets.base import Dataset
from eval.metrics import parse_metric
from eval.progress import Progress
from eval.suites.spec import Collection
from eval.sweep.indexes import shared_lists
from eval.sweep.latency import Seconds, search_seconds
from eval.sweep.lists import SharedLists
from eval.sweep.pair_scores import PairScores
from eval.sweep.points import IndexSetting, Setting
from eval.sweep.ranking import Ranker, Values
from eval.sweep.workplace import Workplace


@dataclass(frozen=True, slots=True)
class Job:
    """Settings to measure over one index; with `timed`, also how long their searches take."""

    collection: Collection
    index: IndexSetting
    settings: tuple[Setting, ...]
    metric: str
    timed: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """The metric of every query under every setting, and the seconds of some queries."""

    values: Values
    seconds: Seconds = field(default_factory=dict)


class Trials(Protocol):
    """Measures jobs; where they run is its affair."""

    def run(self, jobs: Sequence[Job]) -> list[Measured]:
        """Return what each job measured, in their order."""
        ...


class LocalTrials:
    """Measures in this process, one index after the other."""

    def __init__(
        self, place: Workplace, collections: Mapping[Collection, Dataset], progress: Progress
    ) -> None:
        self._place = place
        self._collections = collections
        self._progress = progress
        self._pairs = PairScores(place)
        self._lists: dict[tuple[Collection, IndexSetting], SharedLists] = {}

    def run(self, jobs: Sequence[Job]) -> list[Measured]:
        """Return what each job measured, in their order."""
        return [self._measured(job) for job in jobs]

    def _measured(self, job: Job) -> Measured:
        dataset = self._collections[job.collection]
        key = job.collection, job.index
        if key not in self._lists:
            self._lists[key] = retrieved(self._place, dataset, job.index, self._progress)
        return measured(self._place, dataset, job, self._lists[key], self._pairs, self._progress)


def retrieved(
    place: Workplace, dataset: Dataset, index: IndexSetting, progress: Progress
) -> SharedLists:
    """Return the lists of `dataset` over `index`; made where they are not on disk."""
    return asyncio.run(shared_lists(place, dataset, index, progress))


def measured(
    place: Workplace,
    dataset: Dataset,
    job: Job,
    lists: SharedLists,
    pairs: PairScores,
    progress: Progress,
) -> Measured:
    """Measure the settings of `job` over `lists`, and their searches if it is timed."""
    ranker = Ranker(lists, dataset, place.k, place.settings, pairs)
    metric = parse_metric(job.metric)
    try:
        values = ranker.values(
            job.settings, metric, lambda done, total: progress("rank", done, total)
        )
    finally:
        pairs.keep()
    if not job.timed:
        return Measured(values)
    work = search_seconds(place, dataset, job.index, job.settings, pairs, progress)
    return Measured(values, asyncio.run(work))
