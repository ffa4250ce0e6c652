"""`pmoves card`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from eval.cards import ModelCard, card_of
from eval.pages.templates import render_page
from eval.report import load_report
from eval.stored import load_run

card_app = typer.Typer(add_completion=False)


class CardFormat(StrEnum):
    """How a card is written."""

    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


Run = Annotated[
    Path, typer.Argument(metavar="RUN", help="Folder of one collection that evaluate wrote.")
]
Form = Annotated[CardFormat, typer.Option("--format", help="How to write the card.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON; the same as --format json.")]
Out = Annotated[Path | None, typer.Option(help="File to write; without, the card is printed.")]


@card_app.command("card")
def card_command(
    run: Run, form: Form = CardFormat.MARKDOWN, out: Out = None, as_json: AsJson = False
) -> None:
    """Make a model card of a stored run.

    It has the identity of the model, the settings, the collection, every figure with
    its interval, the thresholds, and the limits that the run shows.
    """
    card = card_of(load_report(run), load_run(run))
    text = render_card(card, CardFormat.JSON if as_json else form)
    if out is None:
        typer.echo(text)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text + "\n", encoding="utf-8")


def render_card(card: ModelCard, form: CardFormat) -> str:
    """Return `card` in one of the forms, without a line break at the end."""
    match form:
        case CardFormat.MARKDOWN:
            return card.to_markdown()
        case CardFormat.HTML:
            return render_page("card.html", card=card)
        case CardFormat.JSON:
            return card.model_dump_json(indent=2)
