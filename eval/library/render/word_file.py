"""Articles as Word documents, through python-docx."""

import io
from pathlib import Path

from docx import Document
from docx.document import Document as WordDocument
from docx.enum.style import WD_STYLE_TYPE

from eval.library.render import blocks
from eval.library.render.stable_zip import repack

TABLE_STYLE = "Table Grid"
LIST_STYLES = {True: "List Number", False: "List Bullet"}


def render_docx(source: Path) -> bytes:
    """Render a Markdown source with Word's own headings, lists and tables."""
    article = blocks.read_article(source)
    document = Document()
    _set_properties(document, article.front)
    for block in article.blocks:
        _add(document, block)
    _drop_unused_styles(document)
    buffer = io.BytesIO()
    document.save(buffer)
    return repack(buffer.getvalue())


def _set_properties(document: WordDocument, front: blocks.FrontMatter) -> None:
    properties = document.core_properties
    properties.title = front.title
    properties.author = properties.last_modified_by = front.author
    properties.created = properties.modified = front.moment
    properties.comments = ""


def _add(document: WordDocument, block: blocks.Block) -> None:
    match block:
        case blocks.Heading(level, text):
            document.add_heading(text, level)
        case blocks.Paragraph(text):
            document.add_paragraph(text)
        case blocks.ItemList(items, ordered):
            for item in items:
                document.add_paragraph(item, LIST_STYLES[ordered])
        case blocks.Table(rows):
            _add_table(document, rows)
        case blocks.PageBreak() | blocks.Notes():
            raise ValueError(f"a Word document has no place for {type(block).__name__}")


def _add_table(document: WordDocument, rows: tuple[tuple[str, ...], ...]) -> None:
    table = document.add_table(len(rows), len(rows[0]), TABLE_STYLE)
    for row, texts in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text


def _drop_unused_styles(document: WordDocument) -> None:
    """Remove what python-docx's template brings along: 0.8 MB in each document."""
    for style in list(document.styles):
        if style.type == WD_STYLE_TYPE.TABLE and style.name not in (TABLE_STYLE, "Normal Table"):
            style.delete()
    relations = document.part.rels
    for key in [key for key, value in relations.items() if "stylesWithEffects" in value.reltype]:
        relations.pop(key)
