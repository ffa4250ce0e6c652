"""XML of any kind: feeds, DocBook, TEI, FictionBook, data, and the words in drawings."""

import re
from pathlib import Path

from lxml import etree

from data_jobs.errors import EmptyDocumentError
from data_jobs.parse import media_types
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.characters import one_line
from data_jobs.parse.html_blocks import add_html
from data_jobs.parse.html_tree import parse_html
from data_jobs.parse.safe_xml import parse_xml, strip_namespaces

_HEADINGS = frozenset({"title", "head", "heading"})
_SILENT = frozenset({"binary", "binary-data", "script", "style"})
# The shortest text that stands for itself; what is shorter is told with the name of its element.
_PROSE = 80
_PLAIN = frozenset(
    """p para simpara text desc description summary content li item l line v td entry
    cell a b code div em i span strong""".split()  # noqa: SIM905
)
_MARKUP = re.compile(r"\s*<[A-Za-z!][^>]*>")


class XmlParser:
    """Paragraphs, headings, and `name: text` lines for the values of data."""

    name = "xml"
    media_types = frozenset({media_types.XML, media_types.SVG})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read the text of all elements in order; attributes are left out."""
        root = strip_namespaces(parse_xml(path.read_bytes(), path.name))
        builder = DocumentBuilder(limits)
        values: list[str] = []
        walker = etree.iterwalk(root, events=("start",))
        for _, element in walker:
            if element.tag in _SILENT:
                walker.skip_subtree()
            elif _is_whole(element):
                walker.skip_subtree()
                _add(builder, element, values)
        _flush(builder, values)
        return builder.build()


def _is_whole(element: etree._Element) -> bool:
    """Whether the text of an element belongs together: a heading, or words of its own."""
    words = [element.text, *(child.tail for child in element)]
    return element.tag in _HEADINGS or len(element) == 0 or any(w and w.strip() for w in words)


def _add(builder: DocumentBuilder, element: etree._Element, values: list[str]) -> None:
    text = "".join(map(str, element.itertext(etree.Element, etree.Entity)))
    line = one_line(text)
    if not line:
        return
    short = len(line) < _PROSE and len(element) == 0
    if short and element.tag not in _HEADINGS | _PLAIN and not _MARKUP.match(text):
        values.append(f"{element.tag}: {line}")
        return
    _flush(builder, values)
    if element.tag in _HEADINGS:
        builder.add_heading(line, sum(1 for _ in element.iterancestors()))
    elif _MARKUP.match(text):
        _add_page(builder, text)
    else:
        builder.add(line)


def _add_page(builder: DocumentBuilder, text: str) -> None:
    """Append a text that is a piece of a web page, as feeds have them."""
    try:
        add_html(builder, parse_html(text))
    except EmptyDocumentError:
        return


def _flush(builder: DocumentBuilder, values: list[str]) -> None:
    builder.add("\n".join(values))
    values.clear()
