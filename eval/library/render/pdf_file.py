"""Articles as PDF with a text layer, through reportlab."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import cm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    ListFlowable,
    ListItem,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from eval.library.render import blocks

STYLES = getSampleStyleSheet()
DATE_VARIABLE = "SOURCE_DATE_EPOCH"
HEADINGS = {1: "Title", 2: "Heading2", 3: "Heading3"}
GRID = TableStyle(
    [
        ("GRID", (0, 0), (-1, -1), 0.4, colors.grey),
        ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
)


def render_pdf(source: Path) -> bytes:
    """Render a Markdown source; a thematic break starts a new page."""
    article = blocks.read_article(source)
    buffer = io.BytesIO()
    template = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        title=article.front.title,
        author=article.front.author,
        topMargin=2 * cm,
        bottomMargin=2 * cm,
        # No present moment and no compression: the same bytes on every machine.
        invariant=1,
        pageCompression=0,
    )
    story = [flowable for block in article.blocks for flowable in _flowables(block)]
    with _dated(article.front.moment):
        template.build(story, onFirstPage=_footer, onLaterPages=_footer)
    return buffer.getvalue()


@contextmanager
def _dated(moment: datetime) -> Iterator[None]:
    """Let reportlab take `moment` for the date of the document: it reads only this variable."""
    before = os.environ.get(DATE_VARIABLE)
    os.environ[DATE_VARIABLE] = str(int(moment.replace(tzinfo=UTC).timestamp()))
    try:
        yield
    finally:
        del os.environ[DATE_VARIABLE]
        if before is not None:
            os.environ[DATE_VARIABLE] = before


def _footer(canvas: Canvas, template: SimpleDocTemplate) -> None:
    canvas.setFont("Helvetica", 8)
    canvas.drawCentredString(A4[0] / 2, cm, f"{template.title} · {template.page}")


def _flowables(block: blocks.Block) -> Iterator[Flowable]:
    match block:
        case blocks.Heading(level, text):
            yield _paragraph(text, HEADINGS[level])
        case blocks.Paragraph(text):
            yield _paragraph(text)
            yield Spacer(0, 6)
        case blocks.ItemList(items, ordered):
            kind = "1" if ordered else "bullet"
            yield ListFlowable([ListItem(_paragraph(item)) for item in items], bulletType=kind)
            yield Spacer(0, 6)
        case blocks.Table(rows):
            cells = [[_paragraph(cell) for cell in row] for row in rows]
            yield Table(cells, style=GRID, repeatRows=1)
            yield Spacer(0, 6)
        case blocks.PageBreak():
            yield PageBreak()
        case blocks.Notes():
            raise ValueError("a PDF has no place for speaker notes")


def _paragraph(text: str, style: str = "BodyText") -> Paragraph:
    return Paragraph(escape(text), STYLES[style])
