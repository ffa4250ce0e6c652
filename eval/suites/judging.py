"""Applying suites to runs: figures, floors, and regressions against a baseline."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eval.baseline import Baseline
from eval.comparison import Difference, Pair, compare_pairs
from eval.datasets.base import Dataset
from eval.errors import EvaluationError
from eval.metrics import LATENCIES
from eval.report import latency_estimates
from eval.statistics import Estimate, bootstrap
from eval.stored import StoredRun
from eval.suites.results import Check, SuiteReport
from eval.suites.spec import Collection, Suite, Threshold


@dataclass(frozen=True, slots=True)
class Measured:
    """One collection with what was measured on it, and the suites over it."""

    dataset: Dataset
    run: StoredRun
    suites: Sequence[Suite]


@dataclass(frozen=True, slots=True)
class _Regression:
    """One `max_regression`, until all of them are tested together."""

    collection: Collection
    limit: float
    pair: Pair


def judge(
    measured: Mapping[Collection, Measured],
    baseline: Baseline | None = None,
    *,
    makes_baseline: bool = False,
) -> dict[Collection, list[SuiteReport]]:
    """Return what became of every suite.

    A regression fails where the mean fell by more than its limit and the paired
    randomisation test, corrected over the regressions of all suites, says that it
    is no accident. Raises `EvaluationError` for an empty suite, and for
    `max_regression` without a baseline of the same collection, unless this run is
    going to be the baseline.
    """
    regressions = [
        found
        for name, item in measured.items()
        for suite in item.suites
        if baseline or not makes_baseline
        for found in _regressions(name, item, suite, baseline)
    ]
    differences = compare_pairs([found.pair for found in regressions])
    tested = [_tested(*pair) for pair in zip(regressions, differences, strict=True)]
    return {
        name: [
            _report(item, suite, [check for of, check in tested if of == (name, suite.name)])
            for suite in item.suites
        ]
        for name, item in measured.items()
    }


def _regressions(
    name: Collection, item: Measured, suite: Suite, baseline: Baseline | None
) -> Iterator[_Regression]:
    queries = suite.queries(item.dataset)
    for metric, threshold in suite.thresholds.items():
        if threshold.max_regression is None or metric not in item.run.mode(suite.mode).values:
            continue
        if baseline is None:
            raise EvaluationError(
                f"the suite {suite.name!r} has max_regression for {metric}: give --baseline"
            )
        before = baseline.require(name, item.run).values(suite.mode, metric)
        after = item.run.values(suite.mode, metric)
        yield _Regression(
            name,
            threshold.max_regression,
            Pair(
                suite.name,
                suite.mode,
                metric,
                {query: before[query] for query in queries},
                {query: after[query] for query in queries},
            ),
        )


def _tested(regression: _Regression, found: Difference) -> tuple[tuple[Collection, str], Check]:
    check = Check(
        suite=found.scope,
        metric=found.metric,
        rule="max_regression",
        limit=regression.limit,
        value=found.difference,
        p_value=found.p_corrected,
        passed=not (found.verdict == "worse" and found.difference.mean < -regression.limit),
    )
    return (regression.collection, found.scope), check


def _report(item: Measured, suite: Suite, tested: Sequence[Check]) -> SuiteReport:
    queries = suite.queries(item.dataset)
    figures = _figures(item.run, suite, queries)
    checks = [
        check
        for metric, threshold in suite.thresholds.items()
        for check in _limits(suite.name, metric, threshold, figures.get(metric))
    ]
    return SuiteReport(
        name=suite.name,
        type=suite.type,
        description=suite.description,
        mode=suite.mode,
        queries=len(queries),
        metrics=figures,
        checks=[*checks, *tested],
    )


def _figures(run: StoredRun, suite: Suite, queries: Sequence[str]) -> dict[str, Estimate]:
    found = run.mode(suite.mode)
    names = suite.measured or list(found.values)[:3]
    figures = {
        name: bootstrap([found.values[name][query] for query in queries])
        for name in names
        if name in found.values
    }
    if LATENCIES.keys() & set(names):
        times = latency_estimates([found.seconds[query] for query in queries])
        figures |= {name: times[name] for name in names if name in times}
    return figures


def _limits(
    suite: str, metric: str, threshold: Threshold, value: Estimate | None
) -> Iterator[Check]:
    """Yield the checks of `min` and `max`; one that fails where nothing was measured."""
    if value is None:
        yield Check(suite=suite, metric=metric, rule="present", limit=0, passed=False)
        return
    if threshold.min is not None:
        held = value.mean >= threshold.min
        yield Check(
            suite=suite, metric=metric, rule="min", limit=threshold.min, value=value, passed=held
        )
    if threshold.max is not None:
        held = value.mean <= threshold.max
        yield Check(
            suite=suite, metric=metric, rule="max", limit=threshold.max, value=value, passed=held
        )
