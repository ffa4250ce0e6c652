"""What an evaluation found, as data, as a table, and as files."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from eval.runs import Run, write_run
from eval.statistics import Estimate
from eval.tables import text_table
from retrieval.query import Mode


class ModeReport(BaseModel):
    """One mode: means over the judged queries, and times as the caller saw them.

    `degraded` counts the answers that lacked a stage.
    """

    mode: Mode
    metrics: dict[str, Estimate]
    p50_ms: float
    p95_ms: float
    degraded: int


class Comparison(BaseModel):
    """Hybrid search against the better of its own two sides, paired by query.

    `p_value` is that of a two-sided randomisation test.
    """

    metric: str
    better_side: Mode
    difference: Estimate
    ratio: float | None
    p_value: float


class EvaluationReport(BaseModel):
    """One evaluation of one system on one collection."""

    dataset: str
    dataset_hash: str
    documents: int
    documents_without_text: int
    queries: int
    system: str
    namespace: str
    index_version: int
    k: int
    index_seconds: float
    modes: list[ModeReport]
    comparison: Comparison | None

    def to_text(self) -> str:
        """Return the report as plain text with a Markdown table."""
        head = (
            f"{self.dataset}: {self.documents} documents ({self.documents_without_text} without "
            f"text), {self.queries} queries, {self.system}, namespace {self.namespace}"
        )
        return "\n\n".join([head, self._table(), *self._notes()])

    def _table(self) -> str:
        names = list(self.modes[0].metrics)
        rows = [
            [
                entry.mode,
                *(str(entry.metrics[name]) for name in names),
                f"{entry.p50_ms:.1f}",
                f"{entry.p95_ms:.1f}",
            ]
            for entry in self.modes
        ]
        return text_table(["mode", *names, "p50 ms", "p95 ms"], rows)

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


def write_files(report: EvaluationReport, runs: Mapping[Mode, Run], folder: Path) -> None:
    """Write `report.json` and one TREC run file for each mode into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    for mode, run in runs.items():
        write_run(run, folder / f"{mode}.run", tag=f"pmoves-{mode}")
