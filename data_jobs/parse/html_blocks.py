"""An HTML tree to blocks. Nothing here recurses, however deep the tree is."""

from typing import Unpack

from lxml import etree

from data_jobs.parse.base import BlockKind
from data_jobs.parse.builder import DocumentBuilder, Place
from data_jobs.parse.html_tables import data_rows, list_text
from data_jobs.parse.html_text import BLOCKS, HEADINGS, is_silent, squeeze
from data_jobs.parse.tables import drop_empty

_LISTS = frozenset({"ul", "ol"})


def add_html(builder: DocumentBuilder, root: etree._Element, **place: Unpack[Place]) -> None:
    """Append the headings, paragraphs, lists, tables and code below `root` in order."""
    _Walk(builder, place).run(root)


class _Walk:
    """Collects inline text until a block begins or ends."""

    def __init__(self, builder: DocumentBuilder, place: Place) -> None:
        self._builder = builder
        self._place = place
        self._pieces: list[str] = []
        self._level = 0

    def run(self, root: etree._Element) -> None:
        walker = etree.iterwalk(root, events=("start", "end"))
        for event, element in walker:
            if event == "end":
                self._end(element)
                self._pieces.append(squeeze(element.tail or "") if element is not root else "")
            elif (is_silent(element) and element is not root) or self._add_whole(element):
                walker.skip_subtree()
            else:
                self._start(element)
        self._flush()

    def _start(self, element: etree._Element) -> None:
        if self._parts(element):
            self._flush()
            self._level = HEADINGS.get(str(element.tag), self._level)
        if element.tag == "br":
            self._pieces.append("\n")
        self._pieces.append(squeeze(element.text or ""))

    def _end(self, element: etree._Element) -> None:
        if self._parts(element):
            self._flush()
        if element.tag in HEADINGS:
            self._level = 0

    def _parts(self, element: etree._Element) -> bool:
        """Whether a block begins and ends with an element; inside headings, boxes do not."""
        if self._level and element.tag == "div":
            self._pieces.append(" ")
            return False
        return element.tag in BLOCKS

    def _add_whole(self, element: etree._Element) -> bool:
        """Append an element that makes blocks of its own; returns whether it was one."""
        if element.tag == "table" and (rows := data_rows(element)) is not None:
            self._flush()
            head, *rest = drop_empty(rows)
            self._builder.add_table(head, rest, **self._place)
        elif element.tag in _LISTS and (lines := list_text(element)) is not None:
            self._add(lines, "list")
        elif element.tag == "pre" and next(element.iterdescendants("pre"), None) is None:
            self._add("".join(str(piece) for piece in element.itertext()), "code")
        else:
            return False
        return True

    def _add(self, text: str, kind: BlockKind) -> None:
        self._flush()
        self._builder.add(text, kind, **self._place)

    def _flush(self) -> None:
        text = squeeze_lines("".join(self._pieces))
        self._pieces.clear()
        if text and self._level:
            self._builder.add_heading(text.rstrip("¶ "), self._level, **self._place)
        elif text:
            self._builder.add(text, **self._place)


def squeeze_lines(text: str) -> str:
    """Return `text` with single blanks, keeping its line breaks."""
    lines = (squeeze(line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
