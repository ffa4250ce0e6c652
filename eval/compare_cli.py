"""`pmoves compare`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from eval.comparison import compare_runs
from eval.metrics import parse_metric
from eval.mode_choice import ModeChoice
from eval.pages.comparison_page import comparison_page
from eval.stored import load_run

compare_app = typer.Typer(add_completion=False)


class CompareFormat(StrEnum):
    """How a comparison is printed."""

    TABLE = "table"
    JSON = "json"


First = Annotated[
    Path, typer.Argument(metavar="RUN_A", help="Folder of one collection that evaluate wrote.")
]
Second = Annotated[Path, typer.Argument(metavar="RUN_B", help="The run to hold against it.")]
Metrics = Annotated[
    list[str] | None, typer.Option("--metric", help="Which metrics; all of both by default.")
]
Moves = Annotated[ModeChoice, typer.Option("--mode", help="Mode whose moved queries are shown.")]
Form = Annotated[CompareFormat, typer.Option("--format", help="How to print the comparison.")]
Html = Annotated[
    Path | None, typer.Option(help="Write the comparison as a page with both runs' hits, too.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; the same as --format json.")]


@compare_app.command("compare")
def compare_command(
    first: First,
    second: Second,
    metric: Metrics = None,
    mode: Moves = ModeChoice.HYBRID,
    form: Form = CompareFormat.TABLE,
    as_json: AsJson = False,
    html: Html = None,
) -> None:
    """Compare two stored runs over one collection, query by query.

    A difference is called better or worse only where the randomisation test says so
    after Holm's correction over everything that is compared.
    """
    names = [parse_metric(name).name for name in metric or ()]
    before, after = load_run(first), load_run(second)
    found = compare_runs(before, after, names, mode.value)
    if html:
        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(comparison_page(before, after, found), encoding="utf-8")
    wants_json = as_json or form is CompareFormat.JSON
    typer.echo(found.model_dump_json() if wants_json else found.to_text())
