"""`pmoves bench`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from eval.bench.ingest import IngestBenchReport, IngestFolder, IngestPlan, bench_ingest
from eval.bench.search import SearchPlan, bench_search
from eval.bench.search_report import SearchBenchReport
from eval.errors import EvaluationError
from retrieval.settings import LibrarySettings

Url = Annotated[
    str, typer.Option(envvar="PMOVES_URL", help="Address of the mesh, on this machine.")
]
ApiKey = Annotated[str | None, typer.Option(envvar="PMOVES_API_KEY", help="Key for the mesh.")]
Clients = Annotated[list[int] | None, typer.Option(help="Numbers of clients; 1 and 16 by default.")]
Rounds = Annotated[int, typer.Option(min=1, help="Rounds, in each of which both take turns.")]
Searches = Annotated[int, typer.Option(min=20, help="Searches per round and number of clients.")]
Files = Annotated[int, typer.Option(min=1, help="PDF files in a round.")]
Pages = Annotated[int, typer.Option(min=1, help="Pages of a file.")]
Out = Annotated[Path | None, typer.Option(help="File for the figures as JSON.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Report = SearchBenchReport | IngestBenchReport

bench_app = typer.Typer(
    help="Measure speed, side by side in one run.", no_args_is_help=True, add_completion=False
)


@bench_app.command("search")
def search(
    url: Url = "http://127.0.0.1:8000",
    api_key: ApiKey = None,
    clients: Clients = None,
    rounds: Rounds = 3,
    searches: Searches = 200,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Searches/s over HTTP, against the same pipeline and corpus in this process."""
    # Loads torch: only where it is needed.
    from eval.systems.local import LocalSystem

    settings = LibrarySettings()
    plan = SearchPlan(url, api_key, tuple(clients or (1, 16)), rounds, searches)
    local = LocalSystem(settings, settings.corpus_uri)
    try:
        report = bench_search(plan, local)
    finally:
        asyncio.run(local.close())
    _show(report, out, as_json)


@bench_app.command("ingest")
def ingest(
    context: typer.Context,
    files: Files = 100,
    pages: Pages = 20,
    rounds: Rounds = 3,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Pages/s of text PDFs without embedding, against pypdfium2 alone."""
    if not callable(context.obj):
        raise EvaluationError(
            "no ingestion to measure: the caller of this command passes an IngestFolder as its "
            "context object, as `pmoves bench ingest` does"
        )
    ingest_folder: IngestFolder = context.obj
    plan = IngestPlan(files=files, pages_per_file=pages, rounds=rounds)
    _show(bench_ingest(plan, ingest_folder), out, as_json)


def _show(report: Report, out: Path | None, as_json: bool) -> None:
    if out is not None:
        out.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    typer.echo(report.model_dump_json() if as_json else report.to_text())
