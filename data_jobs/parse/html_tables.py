"""Tables and lists of HTML as plain rows and lines."""

from lxml import etree

from data_jobs.parse.html_text import HEADINGS, flat_text
from data_jobs.parse.lists import ListLines

_WIDEST_SPAN = 200
_WIDEST_TABLE = 1_000
_LONGEST_CELL = 1_500
_LISTS = frozenset({"ul", "ol"})
_NOT_IN_CELLS = frozenset({"table", *HEADINGS})
_NOT_IN_ITEMS = frozenset({"table", "pre", *HEADINGS})


def data_rows(table: etree._Element) -> list[list[str]] | None:
    """Return the cells of a table, or None if the table only lays out the page."""
    if table.get("role") in ("presentation", "none") or _holds(table, _NOT_IN_CELLS):
        return None
    rows = _rows(table)
    wide = max((len(row) for row in rows), default=0) > 1
    long = any(len(cell) > _LONGEST_CELL for row in rows for cell in row)
    return rows if wide and not long and len(rows) > 1 else None


def list_text(element: etree._Element) -> str | None:
    """Return the items of a list as lines, or None if its items hold more than text."""
    if _holds(element, _NOT_IN_ITEMS):
        return None
    lines = ListLines()
    for item in element.iter("li"):
        parents = [p for p in item.iterancestors() if p.tag in _LISTS]
        depth = parents.index(element) if element in parents else 0
        ordered = bool(parents) and parents[0].tag == "ol"
        start = parents[0].get("start", "1") if ordered else "1"
        lines.add(
            flat_text(item, without=_LISTS),
            depth,
            ordered=ordered,
            start=int(start) if start.isdecimal() and len(start) < 9 else 1,
        )
    return lines.take()


def _holds(element: etree._Element, tags: frozenset[str]) -> bool:
    return any(child is not element for child in element.iter(*tags))


def _rows(table: etree._Element) -> list[list[str]]:
    """Return the cells; those that a span covers are empty."""
    rows: list[list[str]] = []
    covered: dict[int, int] = {}
    for row in table.iter("tr"):
        cells: list[str] = []
        for cell in row.iterchildren("td", "th"):
            _pass_covered(cells, covered)
            columns, down = _span(cell, "colspan"), _span(cell, "rowspan") - 1
            covered |= dict.fromkeys(range(len(cells), len(cells) + columns), down)
            cells += [flat_text(cell), *[""] * (columns - 1)]
        _pass_covered(cells, covered)
        if any(cells):
            rows.append(cells[:_WIDEST_TABLE])
    return rows


def _pass_covered(cells: list[str], covered: dict[int, int]) -> None:
    """Step over the columns that a cell of an earlier row reaches down to."""
    while covered.get(len(cells), 0) > 0:
        covered[len(cells)] -= 1
        cells.append("")


def _span(cell: etree._Element, name: str) -> int:
    value = cell.get(name, "1")
    return min(max(int(value), 1), _WIDEST_SPAN) if value.isdecimal() and len(value) < 9 else 1
