"""`pmoves sweep`."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from eval.collections import named_collection
from eval.errors import EvaluationError
from eval.known_items import known_items
from eval.parts import EvaluateParts
from eval.progress import LineProgress
from eval.provenance import retrieval_code
from eval.sweep.artifacts import save
from eval.sweep.run import Collections, Sweep, run_sweep
from eval.sweep.spec import SweepSpec, load_sweep
from eval.sweep.starting import depths, in_force, require_types, type_sets
from eval.sweep.trials import LocalTrials, Trials
from eval.sweep.workplace import Workplace
from retrieval.errors import InvalidInputError
from retrieval.graph.dictionary_rows import DictionaryRow, read_rows
from retrieval.settings import LibrarySettings

sweep_app = typer.Typer(add_completion=False)

File = Annotated[Path, typer.Argument(metavar="SPEC", help="YAML file that says what to try.")]
Out = Annotated[
    str | None,
    typer.Option(help="Folder or s3:// address for report, page and trials; default: in <home>."),
]
Work = Annotated[
    Path | None,
    typer.Option(help="Folder of indexes and vectors that trials share; default: in <home>."),
]
Local = Annotated[
    bool, typer.Option("--local", help="In this process, even where RAY_ADDRESS names a Ray.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@sweep_app.command("sweep")
def sweep_command(
    context: typer.Context,
    spec: File,
    out: Out = None,
    work: Work = None,
    local: Local = False,
    as_json: AsJson = False,
) -> None:
    """Try many ways of indexing and of joining both sides, and say which gain survives.

    Each index is made once, and both sides are asked once for each query; all settings
    share the lists. Interrupted, it goes on where it was when it is called again. In a
    Ray job, or where RAY_ADDRESS names a Ray, each index is a task.
    """
    settings = LibrarySettings()
    folder = (work or settings.home / "sweeps").absolute()
    sweep = _sweep(spec, context.obj, settings, folder, local)
    target = out or str(folder / "reports" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    save(sweep, target)
    typer.echo(sweep.report.model_dump_json() if as_json else sweep.report.to_text())
    if not as_json:
        typer.echo(f"\nReport, page and trials: {target}")


def _sweep(
    file: Path, parts: object, settings: LibrarySettings, folder: Path, local: bool
) -> Sweep:
    spec = load_sweep(file)
    cutter = parts.cutter if isinstance(parts, EvaluateParts) else None
    now = in_force(spec, settings, cutter)
    collections = _collections(spec.dataset, parts)
    deepest, code = depths(spec, settings), retrieval_code()
    named, types = _named(spec), type_sets(spec)
    place = Workplace(folder, settings, spec.k, deepest, code, cutter, named, types)
    return run_sweep(spec, collections, now, _trials(place, collections, local))


def _named(spec: SweepSpec) -> Sequence[DictionaryRow]:
    try:
        rows = read_rows(spec.entities) if spec.entities else []
    except InvalidInputError as error:
        raise EvaluationError(f"entities: {error}") from error
    require_types(spec, rows)
    return rows


def _collections(source: str, parts: object) -> Collections:
    dataset = named_collection(source, parts)
    pieces = known_items(dataset)
    return {"labelled": dataset, **({"known-items": pieces} if pieces.queries else {})}


def _trials(place: Workplace, collections: Collections, local: bool) -> Trials:
    if local or not os.environ.get("RAY_ADDRESS"):
        return LocalTrials(_with_all_cores(place), collections, LineProgress())
    from eval.sweep.ray_trials import RayTrials

    return RayTrials(place, collections, LineProgress())


def _with_all_cores(place: Workplace) -> Workplace:
    """Return `place` with every core for the models: nothing is served meanwhile."""
    settings, cores = place.settings, os.cpu_count() or 1
    embedding, rerank = (
        model.model_copy(update={"threads": model.threads or cores})
        for model in (settings.embedding, settings.rerank)
    )
    wide = settings.model_copy(update={"embedding": embedding, "rerank": rerank})
    return replace(place, settings=wide)
