"""A sweep from its specification to its report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.bench.machine import this_machine
from eval.comparison import Difference, Pair, compare_pairs
from eval.datasets.base import Dataset
from eval.errors import EvaluationError
from eval.provenance import code_version
from eval.suites.spec import Collection
from eval.sweep.exploring import Explored, explore, values_of
from eval.sweep.faster import Faster, fastest, speed_pairs
from eval.sweep.folds import ByQuery, all_of, best, held_out, others, split
from eval.sweep.plateau import heat_map, profiles
from eval.sweep.points import Point, Trial
from eval.sweep.report import SweepReport
from eval.sweep.spec import SweepSpec
from eval.sweep.trials import Trials

_KNOWN_ITEMS = "MRR"
_PACKAGES = ("pylance", "faiss-cpu", "ctranslate2", "torch", "optuna")
Collections = Mapping[Collection, Dataset]


@dataclass(frozen=True, slots=True)
class Sweep:
    """The report, and what every trial gave for every query."""

    report: SweepReport
    explored: Explored


@dataclass(frozen=True, slots=True)
class _Choice:
    """The best point, those that the folds chose, and each query's value under its fold's.

    `faster` is the point that takes the least time of those that are as good.
    """

    chosen: Point
    by_fold: list[Point]
    unseen: ByQuery
    faster: Point | None


def run_sweep(spec: SweepSpec, collections: Collections, now: Point, trials: Trials) -> Sweep:
    """Try points, choose one, and say what it is worth against `now`, the one in force.

    Known items take no part in the choice. Raises `EvaluationError` for fewer
    queries than folds, and for too many points.
    """
    folds = _folds(spec, collections["labelled"])
    groups = [all_of(folds), *(others(folds, number) for number in range(len(folds)))]
    explored = explore(spec, now, trials, groups)
    choice = _choose(explored, folds, now)
    differences = _differences(spec, collections, now, explored, choice, trials)
    return Sweep(
        _report(spec, collections["labelled"], now, explored, choice, differences), explored
    )


def _folds(spec: SweepSpec, dataset: Dataset) -> list[list[str]]:
    queries = list(dataset.judged_queries)
    if len(queries) < spec.folds:
        raise EvaluationError(f"{len(queries)} queries are too few for {spec.folds} folds")
    return split(queries, spec.folds, spec.seed)


def _choose(explored: Explored, folds: Sequence[Sequence[str]], now: Point) -> _Choice:
    allowed = [explored.points_of(number + 1) for number in range(len(folds))]
    unseen, by_fold = held_out(explored.values, folds, allowed)
    mine = {point: explored.values[point] for point in explored.points_of(0)}
    chosen = best(mine, all_of(folds))
    return _Choice(chosen, by_fold, unseen, fastest(explored, now))


def _differences(
    spec: SweepSpec,
    collections: Collections,
    now: Point,
    explored: Explored,
    choice: _Choice,
    trials: Trials,
) -> dict[str, Difference]:
    """Compare what was chosen with what is in force, all corrected together."""
    values, chosen = explored.values, choice.chosen
    pairs = {
        "in_sample": _pair("same queries", spec.metric, values[now], values[chosen]),
        "held_out": _pair("held out", spec.metric, values[now], choice.unseen),
    }
    if choice.faster:
        pairs |= speed_pairs(explored, now, choice.faster, spec.metric)
    pairs |= _known_pairs(collections, now, choice, trials)
    return dict(zip(pairs, compare_pairs(list(pairs.values())), strict=True))


def _known_pairs(
    collections: Collections, now: Point, choice: _Choice, trials: Trials
) -> dict[str, Pair]:
    if "known-items" not in collections:
        return {}
    rivals = {"known_items": choice.chosen, "faster_known_items": choice.faster}
    points = [now, *(point for point in rivals.values() if point)]
    found = values_of("known-items", list(dict.fromkeys(points)), _KNOWN_ITEMS, trials)
    return {
        name: _pair("known items", _KNOWN_ITEMS, found[now], found[point])
        for name, point in rivals.items()
        if point
    }


def _pair(scope: str, metric: str, before: ByQuery, after: ByQuery) -> Pair:
    return Pair(scope, "hybrid", metric, before, after)


def _report(
    spec: SweepSpec,
    dataset: Dataset,
    now: Point,
    explored: Explored,
    choice: _Choice,
    differences: Mapping[str, Difference],
) -> SweepReport:
    trials = _trials(explored)
    return SweepReport(
        dataset=dataset.name,
        dataset_hash=dataset.content_hash,
        spec=spec,
        metric=spec.metric,
        queries=len(dataset.judged_queries),
        in_force=now,
        chosen=choice.chosen,
        choices=choice.by_fold,
        in_sample=differences["in_sample"],
        held_out=differences["held_out"],
        known_items=differences.get("known_items"),
        faster=Faster.of(choice.faster, explored, now, differences),
        trials=trials,
        profiles=profiles(trials),
        heat_map=heat_map(trials),
        harness=code_version(),
        machine=this_machine(*_PACKAGES),
    )


def _trials(explored: Explored) -> list[Trial]:
    found = [
        Trial(
            point=point,
            mean=float(np.mean(list(series.values()))),
            seconds=_mean_seconds(explored, point),
        )
        for point, series in explored.values.items()
    ]
    return sorted(found, key=lambda trial: -trial.mean)


def _mean_seconds(explored: Explored, point: Point) -> float | None:
    series = explored.seconds.get(point)
    return float(np.mean(list(series.values()))) if series else None
