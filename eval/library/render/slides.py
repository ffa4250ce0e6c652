"""Articles as PowerPoint decks with speaker notes, through python-pptx."""

import io
from collections.abc import Iterator
from pathlib import Path

from pptx import Presentation
from pptx.presentation import Presentation as Deck
from pptx.slide import Slide
from pptx.util import Cm

from eval.library.render import blocks
from eval.library.render.stable_zip import repack

TITLE_AND_CONTENT = 1
TITLE_ONLY = 5


def render_pptx(source: Path) -> bytes:
    """Render a Markdown source: a heading starts a slide, a quote is its notes."""
    article = blocks.read_article(source)
    deck = Presentation()
    _set_properties(deck, article.front)
    for title, body in _slides(article.blocks):
        _add_slide(deck, title, body)
    buffer = io.BytesIO()
    deck.save(buffer)
    return repack(buffer.getvalue())


def _set_properties(deck: Deck, front: blocks.FrontMatter) -> None:
    properties = deck.core_properties
    properties.title = front.title
    properties.author = properties.last_modified_by = front.author
    properties.created = properties.modified = front.moment
    properties.comments = ""


def _slides(content: tuple[blocks.Block, ...]) -> Iterator[tuple[str, list[blocks.Block]]]:
    """Yield the title and the blocks of each slide."""
    starts = [i for i, block in enumerate(content) if isinstance(block, blocks.Heading)]
    for start, end in zip(starts, [*starts[1:], len(content)], strict=True):
        heading = content[start]
        if isinstance(heading, blocks.Heading):
            yield heading.text, list(content[start + 1 : end])


def _add_slide(deck: Deck, title: str, body: list[blocks.Block]) -> None:
    has_table = any(isinstance(block, blocks.Table) for block in body)
    slide = deck.slides.add_slide(
        deck.slide_layouts[TITLE_ONLY if has_table else TITLE_AND_CONTENT]
    )
    if slide.shapes.title is not None:
        slide.shapes.title.text = title
    for block in body:
        _add(slide, block)


def _add(slide: Slide, block: blocks.Block) -> None:
    match block:
        case blocks.Notes(text):
            frame = slide.notes_slide.notes_text_frame
            if frame is not None:
                frame.text = text
        case blocks.Table(rows):
            _add_table(slide, rows)
        case blocks.ItemList(items):
            slide.placeholders[1].text_frame.text = "\n".join(items)
        case blocks.Paragraph(text):
            slide.placeholders[1].text_frame.text = text
        case _:
            raise ValueError(f"a slide has no place for {type(block).__name__}")


def _add_table(slide: Slide, rows: tuple[tuple[str, ...], ...]) -> None:
    shape = slide.shapes.add_table(len(rows), len(rows[0]), Cm(1.5), Cm(5), Cm(22), Cm(8))
    for i, row in enumerate(rows):
        for j, text in enumerate(row):
            shape.table.cell(i, j).text = text
