"""One run as a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.pages.charts import Scale, Whisker, distributions
from eval.pages.query_table import run_table
from eval.pages.setting_rows import setting_rows
from eval.pages.site import Site
from eval.pages.templates import render_page
from eval.report import EvaluationReport
from eval.reproduce import reproduction
from eval.statistics import Estimate
from eval.stored import StoredRun

REPORT_PAGE = "report.html"


@dataclass(frozen=True, slots=True)
class Figure:
    """One mode's value of one metric, beside those of the other modes."""

    mode: str
    value: Estimate
    shape: Whisker


@dataclass(frozen=True, slots=True)
class Row:
    """One metric or percentile in all modes; `digits` are those behind the point."""

    name: str
    figures: Sequence[Figure]
    digits: int


def report_page(report: EvaluationReport, run: StoredRun, site: Site = Site()) -> str:
    """Return the page of one run."""
    times = {mode: list(found.seconds.values()) for mode, found in run.modes.items()}
    return render_page(
        "report.html",
        report=report,
        run=run,
        source=run.provenance,
        rows=summary_rows(report),
        distributions=distributions(times),
        settings=setting_rows([run]),
        commands=reproduction(run.provenance),
        data=run_table(run).data(),
        site=site,
    )


def write_report_page(report: EvaluationReport, run: StoredRun, folder: Path) -> None:
    """Write the page into `folder`, beside the run."""
    (folder / REPORT_PAGE).write_text(report_page(report, run), encoding="utf-8")


def summary_rows(report: EvaluationReport) -> list[Row]:
    """Return a row for each metric and each percentile of `report`."""
    metrics = list(dict.fromkeys(name for entry in report.modes for name in entry.metrics))
    times = list(dict.fromkeys(name for entry in report.modes for name in entry.latency))
    return [
        *(_row(name, {entry.mode: entry.metrics for entry in report.modes}, 3) for name in metrics),
        *(_row(name, {entry.mode: entry.latency for entry in report.modes}, 1) for name in times),
    ]


def _row(name: str, found: dict[str, dict[str, Estimate]], digits: int) -> Row:
    values = {mode: series[name] for mode, series in found.items() if name in series}
    scale = Scale.of(list(values.values()))
    figures = [Figure(mode, value, scale.whisker(value)) for mode, value in values.items()]
    return Row(name.replace("_", " "), figures, digits)
