"""What the command line prints: tables on a terminal, tab-separated lines elsewhere."""

import json
import sys
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console

# What a document or a file name may hold, and a terminal would obey.
_CONTROLS = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - {ord("\n"), ord("\t")}, "\ufffd")


@cache
def out() -> "Console":
    """The console of answers."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True, markup=False)


def err() -> "Console":
    """The console of progress and remarks, on standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def say(text: str = "") -> None:
    """Print text, however long, before what comes on standard error; control codes show as �."""
    print(text.translate(_CONTROLS), flush=True)


def remark(text: str) -> None:
    """Print one line to standard error; control codes show as �."""
    print(text.translate(_CONTROLS), file=sys.stderr)


def print_json(value: "BaseModel | object") -> None:
    """Print JSON, indented."""
    from pydantic import BaseModel

    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    say(json.dumps(plain, indent=2, ensure_ascii=False, default=str))


def print_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under headers; cells are never cut or wrapped."""
    texts = [[_cell(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        for row in [list(headers), *texts]:
            say("\t".join(row))
        return
    widths = [max(len(row[at]) for row in [list(headers), *texts]) for at in range(len(headers))]
    for row in [list(headers), *texts]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        say("  ".join(cells).rstrip())


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text.replace("\t", " ").replace("\r", " ").replace("\n", " ")
