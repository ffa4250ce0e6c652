"""`pmoves sweep`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from eval.asking import index_dataset
from eval.collections import named_collection
from eval.datasets.base import Dataset
from eval.known_items import known_items
from eval.progress import LineProgress, Progress
from eval.sweep.lists import SharedLists
from eval.sweep.report import SweepReport
from eval.sweep.run import run_sweep
from eval.sweep.spec import Setting, SweepSpec, load_sweep
from retrieval.pipeline import Searcher
from retrieval.settings import LibrarySettings

sweep_app = typer.Typer(add_completion=False)

File = Annotated[Path, typer.Argument(metavar="SPEC", help="YAML file that says what to try.")]
Out = Annotated[Path | None, typer.Option(help="Folder for the report as JSON.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@sweep_app.command("sweep")
def sweep_command(
    context: typer.Context, spec: File, out: Out = None, as_json: AsJson = False
) -> None:
    """Try many ways of joining both sides, and say which gain survives on unseen queries.

    In process. Both sides are asked once for each query; all settings share the lists.
    """
    # Loads torch: only where it is needed.
    from eval.systems.local import LocalSystem

    sweep = load_sweep(spec)
    dataset = named_collection(sweep.dataset, context.obj)
    settings = LibrarySettings()
    system = LocalSystem(settings)
    now = Setting.of(settings.search)

    async def run() -> SweepReport:
        try:
            namespace = f"eval-{dataset.documents_hash[:16]}"
            version = await index_dataset(system, dataset, namespace, LineProgress())
            return await _sweep(sweep, dataset, system.searcher, (namespace, version), now)
        finally:
            await system.close()

    report = asyncio.run(run())
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / "sweep.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    typer.echo(report.model_dump_json() if as_json else report.to_text())


async def _sweep(
    spec: SweepSpec,
    dataset: Dataset,
    searcher: Searcher,
    place: tuple[str, int],
    now: Setting,
) -> SweepReport:
    progress: Progress = LineProgress()
    pieces = known_items(dataset)
    lists = await SharedLists.retrieve(searcher, dataset, *place, progress)
    known = (
        await SharedLists.retrieve(searcher, pieces, *place, progress) if pieces.queries else None
    )
    return run_sweep(spec, lists, now, known, progress)
