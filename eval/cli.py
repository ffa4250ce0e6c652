"""`pmoves evaluate`, and `pmoves bench` from its own folder."""

import asyncio
import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter

from eval.bench.cli import bench_app
from eval.datasets.base import Dataset
from eval.datasets.load import load_dataset
from eval.evaluate import Evaluation, Options, evaluate
from eval.known_items import known_items
from eval.progress import LineProgress
from eval.report import write_files
from eval.systems.base import SearchSystem
from eval.systems.http import HttpSystem
from retrieval.query import Mode
from retrieval.settings import LibrarySettings

__all__ = ["bench_app", "evaluate_app"]

evaluate_app = typer.Typer(add_completion=False)


class ModeChoice(StrEnum):
    """The search modes, as the command line wants them."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


Folder = Annotated[
    Path, typer.Argument(metavar="DATASET", help="Folder in Cranfield's or BEIR's layout.")
]
Against = Annotated[
    str | None,
    typer.Option(envvar="PMOVES_URL", help="Address of a running mesh; without: in process."),
]
ApiKey = Annotated[str | None, typer.Option(envvar="PMOVES_API_KEY", help="Key for the mesh.")]
Cut = Annotated[int, typer.Option("--k", min=1, max=200, help="nDCG and recall at this rank.")]
Modes = Annotated[
    list[ModeChoice] | None, typer.Option("--mode", help="Which modes; all by default.")
]
Concurrency = Annotated[int, typer.Option(min=1, max=256, help="Searches under way at once.")]
Namespace = Annotated[
    str | None, typer.Option(help="Where to index; by default a namespace of the dataset's own.")
]
KnownItems = Annotated[
    bool, typer.Option("--known-items", help="Also search for pieces of the documents themselves.")
]
Out = Annotated[
    Path | None, typer.Option(help="Folder for reports and run files; default: in <home>.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


_MODES: TypeAdapter[list[Mode]] = TypeAdapter(list[Mode])


@evaluate_app.command("evaluate")
def evaluate_command(
    dataset: Folder,
    against: Against = None,
    api_key: ApiKey = None,
    k: Cut = 10,
    mode: Modes = None,
    concurrency: Concurrency = 8,
    namespace: Namespace = None,
    with_known_items: KnownItems = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Measure how well a labelled collection is ranked: hybrid, dense and lexical."""
    settings = LibrarySettings()
    collection = load_dataset(dataset)
    collections = [collection, *([known_items(collection)] if with_known_items else [])]
    options = Options(
        modes=_MODES.validate_python(mode or list(ModeChoice)),
        k=k,
        concurrency=concurrency,
        namespace=namespace,
    )
    system = HttpSystem(against, api_key) if against else _local(settings)
    evaluations = asyncio.run(_evaluate_all(collections, system, options))
    folder = out or settings.home / "evaluations" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    for evaluation in evaluations:
        write_files(evaluation.report, evaluation.runs, folder / evaluation.report.dataset)
    _print(evaluations, folder, as_json)


async def _evaluate_all(
    collections: list[Dataset], system: SearchSystem, options: Options
) -> list[Evaluation]:
    try:
        return [await evaluate(item, system, options, LineProgress()) for item in collections]
    finally:
        await system.close()


def _local(settings: LibrarySettings) -> SearchSystem:
    # Loads torch: only where it is needed.
    from eval.systems.local import LocalSystem

    return LocalSystem(settings)


def _print(evaluations: list[Evaluation], folder: Path, as_json: bool) -> None:
    reports = [evaluation.report for evaluation in evaluations]
    if as_json:
        typer.echo(json.dumps({"reports": [item.model_dump(mode="json") for item in reports]}))
        return
    typer.echo("\n\n".join(report.to_text() for report in reports))
    typer.echo(f"\nReports and TREC run files: {folder}")
