"""What the interface under `/eval/api` tells."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from pydantic import BaseModel

from eval.dashboard.stored_runs import Entry, Listing
from eval.provenance import Provenance
from eval.report import EvaluationReport
from eval.statistics import Estimate
from eval.suites.results import Check
from retrieval.query import Mode


class RunView(BaseModel):
    """One stored run; `passed` is missing where it was held against nothing."""

    run: str
    created_at: datetime
    dataset: str
    dataset_hash: str
    label: str
    system: str
    code: str
    queries: int
    passed: bool | None
    metrics: dict[Mode, dict[str, Estimate]]

    @classmethod
    def of(cls, entry: Entry) -> "RunView":
        """Return the view of `entry`."""
        report = entry.report
        return cls(
            run=entry.name,
            created_at=entry.created_at,
            dataset=report.dataset,
            dataset_hash=report.dataset_hash,
            label=report.label,
            system=report.system,
            code=report.code,
            queries=report.queries,
            passed=report.passed if entry.judged else None,
            metrics={found.mode: found.metrics for found in report.modes},
        )


class FaultView(BaseModel):
    """A folder that should hold a run, and why it cannot be read."""

    run: str
    reason: str


class RunList(BaseModel):
    """All stored runs, the newest first, and those that cannot be read."""

    runs: list[RunView]
    faults: list[FaultView]

    @classmethod
    def of(cls, listing: Listing) -> "RunList":
        """Return the view of `listing`."""
        faults = [FaultView(run=fault.name, reason=fault.reason) for fault in listing.faults]
        return cls(runs=[RunView.of(entry) for entry in listing.entries], faults=faults)


class RunDetail(BaseModel):
    """One stored run: its figures, and where they come from."""

    run: str
    report: EvaluationReport
    provenance: Provenance


class GateView(BaseModel):
    """The newest judged run of a collection: every threshold, and whether all hold."""

    dataset: str
    run: str
    created_at: datetime
    label: str
    passed: bool
    checks: list[Check]


class TrendPoint(BaseModel):
    """One run's value."""

    run: str
    created_at: datetime
    label: str
    code: str
    value: Estimate


class Trend(BaseModel):
    """The course of one metric over the runs of one collection, the oldest first."""

    dataset: str
    dataset_hash: str
    mode: Mode
    metric: str
    points: list[TrendPoint]


def gate_views(entries: Sequence[Entry]) -> list[GateView]:
    """Return the state of each collection's gate; `entries` begin with the newest."""
    newest: dict[str, Entry] = {}
    for entry in entries:
        if entry.judged:
            newest.setdefault(entry.report.dataset, entry)
    return [_gate(entry) for entry in newest.values()]


def trends(entries: Sequence[Entry], mode: Mode, metric: str) -> list[Trend]:
    """Return the courses of `metric` in `mode`; a collection that has changed begins anew."""
    found: dict[tuple[str, str], list[TrendPoint]] = {}
    for entry in reversed(entries):
        for point in _points(entry, mode, metric):
            found.setdefault((entry.report.dataset, entry.report.dataset_hash), []).append(point)
    return [
        Trend(dataset=name, dataset_hash=digest, mode=mode, metric=metric, points=points)
        for (name, digest), points in found.items()
    ]


def metric_names(entries: Iterable[Entry]) -> list[str]:
    """Return every metric that a run has, in the order of the newest."""
    return list(
        dict.fromkeys(
            name
            for entry in entries
            for found in entry.report.modes
            for name in (*found.metrics, *found.latency)
        )
    )


def _gate(entry: Entry) -> GateView:
    report = entry.report
    return GateView(
        dataset=report.dataset,
        run=entry.name,
        created_at=entry.created_at,
        label=report.label,
        passed=report.passed,
        checks=[check for suite in report.suites for check in suite.checks],
    )


def _points(entry: Entry, mode: Mode, metric: str) -> Iterable[TrendPoint]:
    for found in entry.report.modes:
        value = (found.metrics | found.latency).get(metric)
        if found.mode == mode and value is not None:
            yield TrendPoint(
                run=entry.name,
                created_at=entry.created_at,
                label=entry.report.label,
                code=entry.report.code,
                value=value,
            )
