"""PowerPoint presentations (PPTX, PPTM, PPSX), with python-pptx."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.package import Package
from pptx.parts.presentation import PresentationPart
from pptx.shapes.autoshape import Shape
from pptx.shapes.base import BaseShape
from pptx.shapes.graphfrm import GraphicFrame
from pptx.shapes.group import GroupShape
from pptx.slide import Slide

from data_jobs.errors import UnreadableFileError
from data_jobs.parse import media_types
from data_jobs.parse.archive import open_archive
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.embedded import embedded_files
from data_jobs.parse.lists import ListLines
from data_jobs.parse.office import core_properties
from data_jobs.parse.pptx_charts import chart_rows
from data_jobs.parse.tables import drop_empty

# The same on every slide: page number, date, footer and header.
_RUNNING = frozenset(
    {
        PP_PLACEHOLDER.SLIDE_NUMBER,
        PP_PLACEHOLDER.DATE,
        PP_PLACEHOLDER.FOOTER,
        PP_PLACEHOLDER.HEADER,
    }
)
# Shapes whose upper edges differ by less than this stand side by side (English metric units).
_SAME_ROW = 228_600


class PptxParser:
    """Slide by slide: title as heading, then text, tables and charts, then the notes."""

    name = "pptx"
    media_types = frozenset({media_types.PPTX})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read a presentation; shapes come from top to bottom, then left to right."""
        with open_archive(path, limits) as archive:
            metadata = core_properties(archive)
        part = Package.open(str(path)).main_document_part
        if not isinstance(part, PresentationPart):
            raise UnreadableFileError("The presentation has no main part.")
        slides = list(part.presentation.slides)
        builder = DocumentBuilder(limits)
        builder.check_pages(len(slides))
        for number, slide in enumerate(slides, start=1):
            _add_slide(builder, slide, number)
        return builder.build(
            metadata.pop("title", None),
            pages=len(slides),
            metadata=metadata,
            attachments=embedded_files(path, limits),
        )


def _add_slide(builder: DocumentBuilder, slide: Slide, number: int) -> None:
    title = slide.shapes.title
    if title is not None:
        builder.add_heading(title.text_frame.text, 1, slide=number)
    title_id = None if title is None else title.shape_id
    for shape in _shapes(slide.shapes):
        if shape.shape_id != title_id:
            _add_shape(builder, shape, number)
    frame = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    if frame is not None:
        builder.add(frame.text, "notes", slide=number)


def _shapes(shapes: Iterable[BaseShape]) -> Iterator[BaseShape]:
    """Yield the shapes as one reads them, those of groups in the place of the group."""
    for shape in sorted(shapes, key=_place):
        if isinstance(shape, GroupShape):
            yield from _shapes(shape.shapes)
        elif not (shape.is_placeholder and shape.placeholder_format.type in _RUNNING):
            yield shape


def _place(shape: BaseShape) -> tuple[int, int]:
    return (shape.top or 0) // _SAME_ROW, shape.left or 0


def _add_shape(builder: DocumentBuilder, shape: BaseShape, number: int) -> None:
    if isinstance(shape, GraphicFrame):
        _add_frame(builder, shape, number)
    elif isinstance(shape, Shape):
        _add_text(builder, shape, number)


def _add_frame(builder: DocumentBuilder, frame: GraphicFrame, number: int) -> None:
    rows: list[list[str]] = []
    if frame.has_table:
        rows = [[cell.text for cell in row.cells] for row in frame.table.rows]
    elif frame.has_chart:
        rows = chart_rows(frame.chart)
    if rows := drop_empty(rows):
        builder.add_table(rows[0], rows[1:], slide=number)


def _add_text(builder: DocumentBuilder, shape: Shape, number: int) -> None:
    paragraphs = [p for p in shape.text_frame.paragraphs if p.text.strip()]
    if len(paragraphs) < 2 or not (shape.is_placeholder or any(p.level for p in paragraphs)):
        builder.add("\n".join(p.text for p in paragraphs), slide=number)
        return
    lines = ListLines()
    for paragraph in paragraphs:
        lines.add(paragraph.text, paragraph.level)
    builder.add(lines.take(), "list", slide=number)
