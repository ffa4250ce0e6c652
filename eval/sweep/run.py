"""A sweep from its lists to its report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from eval.comparison import Difference, Pair, compare_pairs
from eval.errors import EvaluationError
from eval.metrics import Metric, parse_metric
from eval.progress import Progress
from eval.sweep.folds import ByQuery, best, held_out, split
from eval.sweep.lists import SharedLists
from eval.sweep.report import SweepReport, Trial
from eval.sweep.spec import Setting, SweepSpec

_KNOWN_ITEMS = parse_metric("MRR")


@dataclass(frozen=True, slots=True)
class _Choice:
    """The best setting, those that the folds chose, and each query's value under its fold's."""

    chosen: Setting
    by_fold: list[Setting]
    unseen: ByQuery


def run_sweep(
    spec: SweepSpec,
    lists: SharedLists,
    now: Setting,
    known_items: SharedLists | None,
    progress: Progress,
) -> SweepReport:
    """Try every setting on `lists`, choose one, and say what it is worth.

    Known items take no part in the choice. Raises `EvaluationError` for fewer
    queries than folds.
    """
    metric, folds = parse_metric(spec.metric), _folds(spec, lists)
    values = _values(lists, spec.settings(now), metric, progress)
    choice = _choose(values, folds)
    pairs = [
        Pair("same queries", "hybrid", metric.name, values[now], values[choice.chosen]),
        Pair("held out", "hybrid", metric.name, values[now], choice.unseen),
        *_known_pairs(known_items, now, choice.chosen),
    ]
    return _report(lists, now, values, choice, compare_pairs(pairs))


def _folds(spec: SweepSpec, lists: SharedLists) -> list[list[str]]:
    queries = list(lists.dataset.judged_queries)
    if len(queries) < spec.folds:
        raise EvaluationError(f"{len(queries)} queries are too few for {spec.folds} folds")
    return split(queries, spec.folds, spec.seed)


def _values(
    lists: SharedLists, settings: Sequence[Setting], metric: Metric, progress: Progress
) -> dict[Setting, ByQuery]:
    values: dict[Setting, ByQuery] = {}
    # Threads of a matrix product of this size spend their time on waiting for each other.
    with threadpool_limits(1, "blas"):
        for done, setting in enumerate(settings, start=1):
            values[setting] = lists.values(setting, metric)
            progress("sweep", done, len(settings))
    return values


def _choose(values: Mapping[Setting, ByQuery], folds: Sequence[Sequence[str]]) -> _Choice:
    unseen, by_fold = held_out(values, folds)
    return _Choice(best(values, [query for fold in folds for query in fold]), by_fold, unseen)


def _known_pairs(lists: SharedLists | None, now: Setting, chosen: Setting) -> Iterator[Pair]:
    if lists:
        before, after = (lists.values(setting, _KNOWN_ITEMS) for setting in (now, chosen))
        yield Pair("known items", "hybrid", _KNOWN_ITEMS.name, before, after)


def _report(
    lists: SharedLists,
    now: Setting,
    values: Mapping[Setting, ByQuery],
    choice: _Choice,
    gains: Sequence[Difference],
) -> SweepReport:
    in_sample, on_unseen, *known_items = gains
    trials = _trials(values)
    return SweepReport(
        dataset=lists.dataset.name,
        dataset_hash=lists.dataset.content_hash,
        metric=in_sample.metric,
        queries=in_sample.queries,
        in_force=now,
        chosen=choice.chosen,
        choices=choice.by_fold,
        in_sample=in_sample,
        held_out=on_unseen,
        known_items=known_items[0] if known_items else None,
        trials=trials,
        profiles={name: _profile(trials, name) for name in Setting.model_fields},
    )


def _trials(values: Mapping[Setting, Mapping[str, float]]) -> list[Trial]:
    found = [
        Trial(setting=setting, mean=float(np.mean(list(series.values()))))
        for setting, series in values.items()
    ]
    return sorted(found, key=lambda trial: -trial.mean)


def _profile(trials: Sequence[Trial], name: str) -> dict[str, float]:
    """Return the best mean for each value of one part of the settings."""
    found: dict[float | str, float] = {}
    for trial in trials:
        found.setdefault(getattr(trial.setting, name), trial.mean)
    ordered = sorted(found, key=lambda value: (isinstance(value, str), value))
    return {value if isinstance(value, str) else f"{value:g}": found[value] for value in ordered}
