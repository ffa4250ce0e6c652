"""`pmoves evaluate`, and the other commands of `eval` from files of their own."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from eval.baseline import Baseline, baseline_of, load_baseline
from eval.bench.cli import bench_app
from eval.card_cli import card_app
from eval.collections import named_collection
from eval.compare_cli import compare_app
from eval.datasets.base import Dataset
from eval.evaluate import Options
from eval.formats import Format, render
from eval.gates.cli import personas_app
from eval.known_items import MANY, SOME, has_known_items
from eval.mode_choice import ModeChoice
from eval.object_store import written_to
from eval.progress import LineProgress
from eval.reproduce import command_line
from eval.session import Plan, Session
from eval.suites.spec import load_suites
from eval.sweep.cli import sweep_app
from eval.systems.base import SearchSystem
from eval.systems.http import HttpSystem
from retrieval.query import Mode, SearchRequest
from retrieval.settings import LibrarySettings

__all__ = ["bench_app", "card_app", "compare_app", "evaluate_app", "personas_app", "sweep_app"]

evaluate_app = typer.Typer(add_completion=False)


def _usable_namespace(name: str | None) -> str | None:
    try:
        if name:
            SearchRequest(query="any", namespace=name)
    except ValidationError as error:
        raise typer.BadParameter(
            f"{name!r} is no namespace: up to 128 letters, digits, '.', '_' and '-', "
            "of which the first is a letter or a digit"
        ) from error
    return name


Source = Annotated[
    str,
    typer.Argument(
        metavar="DATASET",
        help="Folder in Cranfield's, BEIR's or TREC's layout, file of questions (.jsonl, .csv), "
        "s3:// address of one of them, or 'library', the sample library.",
    ),
]
Against = Annotated[
    str | None,
    typer.Option(envvar="PMOVES_URL", help="Address of a running mesh; without: in process."),
]
ApiKey = Annotated[str | None, typer.Option(envvar="PMOVES_API_KEY", help="Key for the mesh.")]
Cut = Annotated[int, typer.Option("--k", min=1, max=200, help="Rank of the usual metrics.")]
Modes = Annotated[
    list[ModeChoice] | None, typer.Option("--mode", help="Which modes; all by default.")
]
Metrics = Annotated[
    list[str] | None,
    typer.Option("--metric", help="Such as nDCG@10, MRR, MAP or bpref; repeat it for several."),
]
Concurrency = Annotated[int, typer.Option(min=1, max=256, help="Searches under way at once.")]
Namespace = Annotated[
    str | None,
    typer.Option(
        help="Where to index; by default a namespace of the dataset's own.",
        callback=_usable_namespace,
    ),
]
KnownItems = Annotated[
    bool | None,
    typer.Option(
        "--known-items/--no-known-items",
        help=f"Also search for pieces of the documents themselves, up to {MANY} of each kind; "
        f"without either: up to {SOME}, where the collection brings its documents.",
        show_default=False,
    ),
]
SuiteFile = Annotated[
    Path | None, typer.Option("--suite", help="YAML file of suites with thresholds.")
]
BaselineFile = Annotated[
    Path | None, typer.Option("--baseline", help="Baseline that nothing may fall behind.")
]
SaveBaseline = Annotated[
    Path | None, typer.Option(help="Write the values of this run as a baseline.")
]
Tolerance = Annotated[
    float, typer.Option(min=0, max=1, help="By how much a mean may fall, with --save-baseline.")
]
RunFile = Annotated[
    str | None,
    typer.Option("--run", help="Measure this TREC run file, or s3:// address, instead of asking."),
]
Label = Annotated[str, typer.Option(help="What to call the run.")]
Explain = Annotated[bool, typer.Option("--explain", help="Keep why each of the first hits won.")]
Out = Annotated[
    str | None,
    typer.Option(help="Folder or s3:// address for reports and run files; default: in <home>."),
]
Form = Annotated[Format, typer.Option("--format", help="How to print the report.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; the same as --format json.")]

_MODES: TypeAdapter[list[Mode]] = TypeAdapter(list[Mode])


@evaluate_app.command("evaluate")
def evaluate_command(
    context: typer.Context,
    dataset: Source,
    against: Against = None,
    api_key: ApiKey = None,
    k: Cut = 10,
    mode: Modes = None,
    metric: Metrics = None,
    concurrency: Concurrency = 8,
    namespace: Namespace = None,
    with_known_items: KnownItems = None,
    suite: SuiteFile = None,
    baseline: BaselineFile = None,
    save_baseline: SaveBaseline = None,
    tolerance: Tolerance = 0.01,
    run: RunFile = None,
    label: Label = "",
    explain: Explain = False,
    out: Out = None,
    form: Form = Format.TABLE,
    as_json: AsJson = False,
) -> None:
    """Measure how well a labelled collection is ranked: hybrid, dense and lexical.

    Ends with 1 where a threshold of a suite does not hold, or where a suite is
    significantly worse than the baseline. Interrupted, it goes on where it was when
    it is called again.
    """
    asked = Options(k=k, concurrency=concurrency, namespace=namespace, label=label, explain=explain)
    options = _completed(asked, mode, metric, context)
    collection = named_collection(dataset, context.obj)
    held = load_baseline(baseline) if baseline else None
    plan = Plan(
        options,
        known_items=_known_items(with_known_items, collection, held, run),
        suites=load_suites(suite) if suite else None,
        baseline=held,
        makes_baseline=save_baseline is not None,
    )
    session = _measured(collection, plan, run, (against, api_key))
    if save_baseline:
        baseline_of(session.runs, tolerance).save(save_baseline)
    _print(session, _save(session, out), Format.JSON if as_json else form)
    if not session.passed:
        raise typer.Exit(1)


def _known_items(
    asked: bool | None, collection: Dataset, baseline: Baseline | None, run: str | None
) -> int:
    """Return how many known items of each kind to ask for."""
    if asked is not None:
        return MANY if asked else 0
    if run or (baseline and "known-items" not in baseline.collections):
        return 0
    return SOME if has_known_items(collection) else 0


def _completed(
    options: Options,
    modes: Sequence[ModeChoice] | None,
    metrics: Sequence[str] | None,
    context: typer.Context,
) -> Options:
    """Return `options` with what the command line may leave out."""
    return replace(
        options,
        modes=_MODES.validate_python(modes or list(ModeChoice)),
        metrics=metrics or (),
        journals=LibrarySettings().home / "evaluations" / "unfinished",
        command=command_line(context),
    )


def _measured(
    collection: Dataset, plan: Plan, run: str | None, mesh: tuple[str | None, str | None]
) -> Session:
    """Measure the file `run`; without one ask the mesh by address and key, or in this process."""
    if run:
        return Session.of_run(collection, run, plan)
    url, api_key = mesh
    system = HttpSystem(url, api_key) if url else _local()

    async def ask() -> Session:
        try:
            return await Session.run(collection, system, plan, LineProgress())
        finally:
            await system.close()

    return asyncio.run(ask())


def _local() -> SearchSystem:
    # Loads torch: only where it is needed.
    from eval.systems.local import LocalSystem

    return LocalSystem(LibrarySettings())


def _save(session: Session, out: str | None) -> str:
    home = LibrarySettings().home
    target = out or str(home / "evaluations" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    with written_to(target) as folder:
        session.save(folder)
    return target


def _print(session: Session, folder: str, form: Format) -> None:
    typer.echo(render(session.reports, form))
    if form in (Format.TABLE, Format.MARKDOWN):
        for text in session.moved:
            typer.echo(f"\n{text}")
        typer.echo(f"\nReports, runs and TREC run files: {folder}")
