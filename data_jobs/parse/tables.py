"""Tables as Markdown, cut into blocks that each carry the header row."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from data_jobs.parse.characters import one_line

ROWS_PER_BLOCK = 50

Row = Sequence[str]
T = TypeVar("T")


def markdown_table(header: Row, rows: Sequence[Row]) -> str:
    """Return a pipe table; short rows are filled up with empty cells."""
    width = max(len(header), *(len(row) for row in rows)) if rows else len(header)
    lines = [_line(header, width), "|" + " --- |" * width]
    return "\n".join(lines + [_line(row, width) for row in rows])


def groups(items: Iterable[T], size: int = ROWS_PER_BLOCK) -> Iterator[list[T]]:
    """Cut `items` into lists of at most `size`, reading them as they come."""
    rest = iter(items)
    while group := list(islice(rest, size)):
        yield group


def drop_empty(rows: Sequence[Row]) -> list[list[str]]:
    """Return `rows` without the rows and columns that hold no text."""
    width = max((len(row) for row in rows), default=0)
    filled = {i for row in rows for i, cell in enumerate(row) if cell.strip()}
    kept = [i for i in range(width) if i in filled]
    full = [row for row in rows if any(cell.strip() for cell in row)]
    return [[row[i] if i < len(row) else "" for i in kept] for row in full]


def _line(row: Row, width: int) -> str:
    cells = [one_line(cell).replace("|", "\\|") for cell in row]
    cells += [""] * (width - len(cells))
    return "| " + " | ".join(cells) + " |"
