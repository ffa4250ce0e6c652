"""The WordprocessingML elements that hold text, in document order."""

from collections.abc import Iterator

from lxml import etree

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"

PARAGRAPH, TABLE, ROW, CELL = (WORD + name for name in ("p", "tbl", "tr", "tc"))
_TEXT_BOX = WORD + "txbxContent"
_TEXTS = frozenset({WORD + "t", _MATH_TEXT})
_SIGNS = {
    WORD + "tab": "\t",
    WORD + "br": "\n",
    WORD + "cr": "\n",
    WORD + "noBreakHyphen": "-",
}
# Deleted text, field codes, properties, and the second copy of a drawing.
_SKIPPED = frozenset(
    {WORD + "del", WORD + "moveFrom", WORD + "instrText", WORD + "pPr", WORD + "rPr", _FALLBACK}
)


def content(container: etree._Element) -> Iterator[etree._Element]:
    """Yield the paragraphs and tables of a body, cell or note, and of content controls."""
    for child in container:
        if child.tag in (PARAGRAPH, TABLE):
            yield child
        elif child.tag not in _SKIPPED:
            yield from content(child)


def paragraph_text(paragraph: etree._Element) -> str:
    """Return the text of a paragraph without its text boxes."""
    return "".join(_pieces(paragraph))


def text_boxes(paragraph: etree._Element) -> Iterator[etree._Element]:
    """Yield the text boxes that are anchored in a paragraph."""
    for child in paragraph:
        if child.tag == _TEXT_BOX:
            yield child
        elif child.tag not in _SKIPPED:
            yield from text_boxes(child)


def all_text(container: etree._Element) -> str:
    """Return the text of every paragraph below `container`, one a line."""
    lines = (paragraph_text(paragraph) for paragraph in container.iter(PARAGRAPH))
    return "\n".join(line for line in lines if line.strip())


def table_rows(table: etree._Element) -> list[list[str]]:
    """Return the cells of a table; cells merged into others are empty."""
    return [_cells(row) for row in _descend(table, ROW)]


def _cells(row: etree._Element) -> list[str]:
    cells: list[str] = []
    for cell in _descend(row, CELL):
        merge = cell.find(f"{WORD}tcPr/{WORD}vMerge")
        goes_on = merge is not None and merge.get(WORD + "val", "continue") == "continue"
        cells.append("" if goes_on else all_text(cell))
        cells += [""] * (_span(cell) - 1)
    return cells


def _span(cell: etree._Element) -> int:
    span = cell.find(f"{WORD}tcPr/{WORD}gridSpan")
    value = span.get(WORD + "val", "1") if span is not None else "1"
    return min(int(value), 63) if value.isdecimal() else 1


def _descend(element: etree._Element, tag: str) -> Iterator[etree._Element]:
    """Yield the nearest descendants of one tag, through content controls."""
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag not in _SKIPPED and child.tag not in (TABLE, PARAGRAPH):
            yield from _descend(child, tag)


def _pieces(element: etree._Element) -> Iterator[str]:
    for child in element:
        if child.tag in _TEXTS:
            yield child.text or ""
        elif child.tag in _SIGNS:
            yield _SIGNS[str(child.tag)]
        elif child.tag not in _SKIPPED and child.tag != _TEXT_BOX:
            yield from _pieces(child)
