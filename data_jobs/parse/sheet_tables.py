"""The tables of a sheet: runs of filled rows, each under its header."""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from typing import NamedTuple

from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.tables import drop_empty, groups


class SheetRow(NamedTuple):
    """One row from column A on; `text_only` means that no cell is a number or a date."""

    cells: list[str]
    text_only: bool

    @property
    def columns(self) -> tuple[int, ...]:
        """The indexes of the filled cells."""
        return tuple(i for i, cell in enumerate(self.cells) if cell.strip())


def add_sheet(builder: DocumentBuilder, rows: Iterable[SheetRow], sheet: str) -> None:
    """Append the text of one sheet; rows are read as they come, never all at once."""
    header: SheetRow | None = None
    for filled, run in groupby(rows, key=lambda row: bool(row.columns)):
        if filled:
            header = _add_run(builder, run, sheet, header)


def _add_run(
    builder: DocumentBuilder, run: Iterator[SheetRow], sheet: str, header: SheetRow | None
) -> SheetRow | None:
    """Append rows without a gap between them; returns the header that is now in force."""
    first = _add_captions(builder, run, sheet)
    if first is None:
        return header
    if header is None or first.text_only or first.columns != header.columns:
        header, rows = first, run
    else:
        # A gap in the data, not a new table.
        rows = chain([first], run)
    _add_table(builder, header, rows, sheet)
    return header


def _add_captions(builder: DocumentBuilder, run: Iterator[SheetRow], sheet: str) -> SheetRow | None:
    """Append the rows of a single cell that lead a run; returns the first row after them."""
    lines: list[str] = []
    table: SheetRow | None = None
    for row in run:
        if len(row.columns) > 1:
            table = row
            break
        lines.append(row.cells[row.columns[0]])
    for group in groups([line] for line in lines):
        builder.add("\n".join(line for (line,) in group), sheet=sheet)
    return table


def _add_table(
    builder: DocumentBuilder, header: SheetRow, rows: Iterator[SheetRow], sheet: str
) -> None:
    empty = True
    for group in groups(row.cells for row in rows):
        head, *rest = drop_empty([header.cells, *group])
        builder.add_table(head, rest, sheet=sheet)
        empty = False
    if empty:
        builder.add_table(drop_empty([header.cells])[0], [], sheet=sheet)
