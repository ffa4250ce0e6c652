"""Measuring the points that a search asks for, until it asks for no more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from eval.suites.spec import Collection
from eval.sweep.folds import ByQuery, mean_over
from eval.sweep.points import IndexSetting, Point, Setting
from eval.sweep.searching import searches
from eval.sweep.spec import Rule, SweepSpec
from eval.sweep.trials import Job, Trials

TIMED: frozenset[Rule] = frozenset({"predecessor"})
"""The rules that look at times."""


@dataclass(slots=True)
class Explored:
    """Every point that was measured: its value for each query, and its seconds where timed.

    `tried` holds, for each group of queries that guided a search, the points of that
    search; one for all where no queries guided it.
    """

    values: dict[Point, ByQuery] = field(default_factory=dict)
    seconds: dict[Point, ByQuery] = field(default_factory=dict)
    tried: list[Sequence[Point]] = field(default_factory=list)

    def points_of(self, group: int) -> Sequence[Point]:
        """Return the points among which a group of queries may choose."""
        return self.tried[group if len(self.tried) > 1 else 0]


def explore(
    spec: SweepSpec, now: Point, trials: Trials, groups: Sequence[Sequence[str]]
) -> Explored:
    """Measure what the search of `spec` asks for, guided for each of `groups` by its queries alone.

    So no query that judges a choice has led to a point among which it is made. Points
    that several searches ask for are measured once.
    """
    explored, found = Explored(), searches(spec, now, len(groups))
    wanted = [now]
    while any(asked := [search.ask() for search in found]):
        wanted += chain.from_iterable(asked)
        measure(explored, _new(wanted, explored.values), trials, spec)
        for search, points, group in zip(found, asked, groups, strict=False):
            search.tell({point: mean_over(explored.values[point], group) for point in points})
    explored.tried = [search.tried for search in found]
    return explored


def measure(explored: Explored, points: Sequence[Point], trials: Trials, spec: SweepSpec) -> None:
    """Measure `points` by `trials`, those of one index together."""
    timed = spec.rule in TIMED
    jobs = jobs_of("labelled", points, spec.metric, timed=timed)
    for job, found in zip(jobs, trials.run(jobs), strict=True):
        explored.values |= _by_point(job.index, found.values)
        explored.seconds |= _by_point(job.index, found.seconds)


def jobs_of(
    collection: Collection, points: Sequence[Point], metric: str, *, timed: bool = False
) -> list[Job]:
    """Return a job for each index of `points`."""
    by_index: dict[IndexSetting, list[Setting]] = {}
    for point in points:
        by_index.setdefault(point.index, []).append(point.search)
    return [
        Job(collection, index, tuple(settings), metric, timed)
        for index, settings in by_index.items()
    ]


def values_of(
    collection: Collection, points: Sequence[Point], metric: str, trials: Trials
) -> dict[Point, ByQuery]:
    """Return the metric of every query of a collection under each of `points`."""
    jobs = jobs_of(collection, points, metric)
    found: dict[Point, ByQuery] = {}
    for job, measured in zip(jobs, trials.run(jobs), strict=True):
        found |= _by_point(job.index, measured.values)
    return found


def _new(points: Sequence[Point], known: Mapping[Point, ByQuery]) -> list[Point]:
    return [point for point in dict.fromkeys(points) if point not in known]


def _by_point(index: IndexSetting, values: Mapping[Setting, ByQuery]) -> dict[Point, ByQuery]:
    return {Point(index=index, search=setting): series for setting, series in values.items()}
