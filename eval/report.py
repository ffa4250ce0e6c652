"""What an evaluation found, as data, as a table, and as files."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from eval.datasets.base import Dataset
from eval.errors import EvaluationError
from eval.metrics import LATENCIES
from eval.runs import Run, write_run
from eval.statistics import Estimate, Values, bootstrap, randomization_p
from eval.stored import ModeRun, StoredRun
from eval.suites.results import SuiteReport
from eval.tables import text_table
from retrieval.query import Mode

REPORT_FILE = "report.json"


class ModeReport(BaseModel):
    """One mode: means over the judged queries, and times as the caller saw them.

    `degraded` counts the answers that lacked a stage.
    """

    mode: Mode
    metrics: dict[str, Estimate]
    latency: dict[str, Estimate]
    degraded: int


class SideComparison(BaseModel):
    """Hybrid search against the better of its own two sides, paired by query.

    `p_value` is that of a two-sided randomisation test.
    """

    metric: str
    better_side: Mode
    difference: Estimate
    ratio: float | None
    p_value: float


class EvaluationReport(BaseModel):
    """One evaluation of one system on one collection; `code` is the version that asked."""

    created_at: datetime | None = None
    code: str = ""
    dataset: str
    dataset_hash: str
    label: str
    documents: int
    documents_without_text: int
    queries: int
    system: str
    namespace: str
    index_version: int
    k: int
    index_seconds: float
    modes: list[ModeReport]
    comparison: SideComparison | None
    suites: list[SuiteReport] = Field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every threshold of every suite holds."""
        return all(suite.passed for suite in self.suites)

    def to_text(self) -> str:
        """Return the report as plain text with Markdown tables."""
        head = (
            f"{self.dataset}: {self.documents} documents ({self.documents_without_text} without "
            f"text), {self.queries} queries, {self.system}, namespace {self.namespace}"
        )
        return "\n\n".join([head, self._table(), *self._notes(), *self._suites()])

    def _table(self) -> str:
        names = [*self.modes[0].metrics, *self.modes[0].latency]
        rows = []
        for entry in self.modes:
            times = [f"{value.mean:.1f}" for value in entry.latency.values()]
            rows.append([entry.mode, *map(str, entry.metrics.values()), *times])
        return text_table(["mode", *(name.replace("_", " ") for name in names)], rows)

    def _notes(self) -> list[str]:
        notes = ["Means over queries with 95 % bootstrap intervals."]
        if self.comparison:
            found = self.comparison
            ratio = "" if found.ratio is None else f", {(found.ratio - 1) * 100:+.1f} %"
            notes.append(
                f"Hybrid against {found.better_side}: {found.metric} {found.difference}"
                f"{ratio}, p = {found.p_value:.4f} (paired randomisation test)."
            )
        notes += [
            f"{entry.degraded} of {self.queries} answers in mode {entry.mode} were degraded."
            for entry in self.modes
            if entry.degraded
        ]
        return notes

    def _suites(self) -> list[str]:
        if not self.suites:
            return []
        names = list(dict.fromkeys(name for suite in self.suites for name in suite.metrics))
        rows = [suite.row(names) for suite in self.suites]
        table = text_table(["suite", "mode", "queries", *names, "result"], rows)
        problems = [str(check) for suite in self.suites for check in suite.failures]
        return [table, *problems]


def report_of(
    run: StoredRun, dataset: Dataset, *, k: int, index_seconds: float
) -> EvaluationReport:
    """Return the report of `run` over `dataset`."""
    source = run.provenance
    return EvaluationReport(
        created_at=source.created_at,
        code=source.harness,
        dataset=source.dataset,
        dataset_hash=source.dataset_hash,
        label=source.label,
        documents=len(dataset.documents),
        documents_without_text=sum(not document.indexed for document in dataset.documents),
        queries=len(run.queries),
        system=source.system,
        namespace=source.namespace,
        index_version=source.index_version,
        k=k,
        index_seconds=index_seconds,
        modes=[_mode_report(mode, found) for mode, found in run.modes.items()],
        comparison=_compare_sides(run),
    )


def latency_estimates(seconds: Sequence[float]) -> dict[str, Estimate]:
    """Return the percentiles of `seconds` in milliseconds, with their intervals; none of none."""
    if not seconds:
        return {}
    return {
        name: bootstrap([value * 1e3 for value in seconds], partial(_percentiles, percent=percent))
        for name, percent in LATENCIES.items()
    }


def load_report(folder: Path) -> EvaluationReport:
    """Read the report in `folder`; `EvaluationError` says why it is none."""
    file = folder / REPORT_FILE
    try:
        return EvaluationReport.model_validate_json(file.read_bytes())
    except OSError as error:
        raise EvaluationError(
            f"{file} cannot be read: {error.strerror}; name a folder that `pmoves evaluate` wrote"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise EvaluationError(f"{file} is no report: {place}: {first['msg']}") from error


def write_files(report: EvaluationReport, runs: Mapping[Mode, Run], folder: Path) -> None:
    """Write `report.json` and one TREC run file for each mode into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / REPORT_FILE).write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    for mode, run in runs.items():
        write_run(run, folder / f"{mode}.run", tag=f"pmoves-{mode}")


def _percentiles(samples: Values, percent: float) -> Values:
    return np.asarray(np.percentile(samples, percent, axis=1))


def _mode_report(mode: Mode, found: ModeRun) -> ModeReport:
    return ModeReport(
        mode=mode,
        metrics={name: bootstrap(list(values.values())) for name, values in found.values.items()},
        latency=latency_estimates(list(found.seconds.values())),
        degraded=len(found.degraded),
    )


def _compare_sides(run: StoredRun) -> SideComparison | None:
    """Compare hybrid with the better of its own two sides, where all were asked."""
    if not {"hybrid", "dense", "lexical"} <= run.modes.keys():
        return None
    metric = next(iter(run.mode("hybrid").values))
    found = {mode: np.array(list(run.values(mode, metric).values())) for mode in run.modes}
    sides: tuple[Mode, Mode] = ("dense", "lexical")
    better = max(sides, key=lambda mode: float(found[mode].mean()))
    hybrid, side = found["hybrid"], found[better]
    return SideComparison(
        metric=metric,
        better_side=better,
        difference=bootstrap((hybrid - side).tolist()),
        ratio=float(hybrid.mean() / side.mean()) if side.any() else None,
        p_value=randomization_p(hybrid.tolist(), side.tolist()),
    )
