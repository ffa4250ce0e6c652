"""The files of a sweep, in a folder or an object store."""

import json
from pathlib import Path

from eval.object_store import written_to
from eval.sweep.page import sweep_page
from eval.sweep.run import Sweep


def save(sweep: Sweep, target: str) -> None:
    """Write the report as JSON, Markdown and HTML, and a file for each trial, to `target`.

    `target` is a folder or an address that `eval.object_store` opens. Raises
    `EvaluationError` where nothing can be written there.
    """
    with written_to(target) as folder:
        write_files(sweep, folder)


def write_files(sweep: Sweep, folder: Path) -> None:
    """Write all files into the local `folder`; trials are numbered from the best."""
    report, explored = sweep.report, sweep.explored
    (folder / "trials").mkdir(parents=True, exist_ok=True)
    _write(folder / "sweep.json", report.model_dump_json(indent=2))
    _write(folder / "sweep.md", f"# Sweep over {report.dataset}\n\n{report.to_text()}")
    _write(folder / "sweep.html", sweep_page(report))
    for number, trial in enumerate(report.trials, start=1):
        record = trial.model_dump(mode="json") | {
            "metric": report.metric,
            "values": explored.values[trial.point],
            "query_seconds": explored.seconds.get(trial.point, {}),
        }
        _write(folder / "trials" / f"{number:05}.json", json.dumps(record, indent=2))


def _write(file: Path, text: str) -> None:
    file.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
