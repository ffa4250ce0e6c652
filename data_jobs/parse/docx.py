"""Word documents (DOCX, DOCM, DOTX), with python-docx."""

from collections.abc import Iterable
from pathlib import Path

from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.package import OpcPackage
from docx.opc.part import Part, XmlPart
from lxml import etree

from data_jobs.parse import media_types
from data_jobs.parse.archive import open_archive
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.docx_styles import Roles
from data_jobs.parse.docx_text import (
    PARAGRAPH,
    WORD,
    all_text,
    content,
    paragraph_text,
    table_rows,
    text_boxes,
)
from data_jobs.parse.embedded import embedded_files
from data_jobs.parse.lists import ListLines
from data_jobs.parse.office import core_properties
from data_jobs.parse.safe_xml import parse_xml
from data_jobs.parse.tables import drop_empty

_NOTES = ((RELATIONSHIP_TYPE.FOOTNOTES, "footnote"), (RELATIONSHIP_TYPE.ENDNOTES, "endnote"))


class DocxParser:
    """Headings, paragraphs, lists, tables, text boxes and notes in document order."""

    name = "docx"
    media_types = frozenset({media_types.DOCX})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read a Word document; inserted text counts, deleted text does not."""
        with open_archive(path, limits) as archive:
            metadata = core_properties(archive)
        part: Part = OpcPackage.open(str(path)).main_document_part
        writer = _Writer(DocumentBuilder(limits), _roles(part))
        writer.write(content(_root(part)))
        for kind, tag in _NOTES:
            if (notes := _related(part, kind)) is not None:
                _add_notes(writer.builder, notes.iter(WORD + tag))
        return writer.builder.build(
            metadata.pop("title", None),
            metadata=metadata,
            attachments=embedded_files(path, limits),
        )


class _Writer:
    """Turns paragraphs and tables into blocks."""

    def __init__(self, builder: DocumentBuilder, roles: Roles) -> None:
        self.builder = builder
        self._roles = roles
        self._list = ListLines()

    def write(self, elements: Iterable[etree._Element]) -> None:
        for element in elements:
            if element.tag == PARAGRAPH:
                self._paragraph(element)
            else:
                self._end_list()
                self._table(element)
        self._end_list()

    def _paragraph(self, paragraph: etree._Element) -> None:
        text, role = paragraph_text(paragraph), self._roles.of(paragraph)
        if role.depth is not None:
            self._list.add(text, role.depth, ordered=role.ordered)
        elif text.strip():
            self._end_list()
            if role.level:
                self.builder.add_heading(text, role.level)
            else:
                self.builder.add(text)
        for box in text_boxes(paragraph):
            self.write(content(box))

    def _table(self, table: etree._Element) -> None:
        rows = drop_empty(table_rows(table))
        if rows and len(rows[0]) > 1:
            self.builder.add_table(rows[0], rows[1:])
        else:
            # A table of one column is a frame around text.
            self.builder.add("\n\n".join(row[0] for row in rows))

    def _end_list(self) -> None:
        if self._list:
            self.builder.add(self._list.take(), "list")


def _roles(part: Part) -> Roles:
    return Roles(
        _related(part, RELATIONSHIP_TYPE.STYLES), _related(part, RELATIONSHIP_TYPE.NUMBERING)
    )


def _add_notes(builder: DocumentBuilder, notes: Iterable[etree._Element]) -> None:
    for note in notes:
        # Separators are stored as notes of a type of their own.
        if note.get(WORD + "type", "normal") == "normal":
            builder.add(all_text(note), "notes")


def _related(part: Part, kind: str) -> etree._Element | None:
    try:
        return _root(part.part_related_by(kind))
    except KeyError:
        return None


def _root(part: Part) -> etree._Element:
    # Parts that python-docx has no class for come as bytes.
    return part.element if isinstance(part, XmlPart) else parse_xml(part.blob, str(part.partname))
