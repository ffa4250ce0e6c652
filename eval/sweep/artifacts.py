"""The files of a sweep, in a folder or an object store."""

import json
import tempfile
from pathlib import Path

from eval.errors import EvaluationError
from eval.object_store import opened
from eval.sweep.page import sweep_page
from eval.sweep.run import Sweep
from retrieval.errors import InvalidInputError


def save(sweep: Sweep, target: str) -> None:
    """Write the report as JSON, Markdown and HTML, and a file for each trial, to `target`.

    `target` is a folder or an address that `eval.object_store` opens. Raises
    `EvaluationError` where nothing can be written there.
    """
    if "://" not in target:
        write_files(sweep, Path(target))
        return
    with tempfile.TemporaryDirectory(prefix="pmoves-sweep-") as folder:
        write_files(sweep, Path(folder))
        _upload(Path(folder), target.rstrip("/"))


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


def _upload(folder: Path, target: str) -> None:
    try:
        system, path = opened(target)
        system.makedirs(path, exist_ok=True)
        # The slashes copy what is inside, not the folder itself.
        system.put(f"{folder}/", f"{path}/", recursive=True)
    except (ImportError, InvalidInputError, ValueError) as error:
        raise EvaluationError(f"{target}: {error}") from error
    except OSError as error:
        raise EvaluationError(f"{target} cannot be written: {error}") from error
