"""PowerPoint: order on the slide, tables, charts, groups and notes."""

from pathlib import Path

import pptx
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from data_jobs.parse.base import ParsedDocument
from data_jobs.parse.registry import parse_file

BLANK, TITLE_AND_BODY = 6, 1


def save(deck: "pptx.presentation.Presentation", folder: Path) -> ParsedDocument:
    path = folder / "deck.pptx"
    deck.save(str(path))
    return parse_file(path)[1]


def test_title_text_notes_in_order_with_their_slide(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    deck.slides.add_slide(deck.slide_layouts[BLANK])
    slide = deck.slides.add_slide(deck.slide_layouts[TITLE_AND_BODY])
    slide.shapes.title.text = "Plan"
    frame = slide.placeholders[1].text_frame
    frame.text = "Record"
    paragraph = frame.add_paragraph()
    paragraph.text, paragraph.level = "voices", 1
    slide.notes_slide.notes_text_frame.text = "Say hello.\nThen start."
    document = save(deck, tmp_path)
    assert [(b.kind, b.level, b.text, b.slide) for b in document.blocks] == [
        ("heading", 1, "Plan", 2),
        ("list", 0, "- Record\n  - voices", 2),
        ("notes", 0, "Say hello.\nThen start.", 2),
    ]
    assert (document.pages, document.title) == (2, "Plan")


def test_shapes_come_by_place_also_from_groups(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[BLANK])
    for text, left, top in (("low", 1, 5), ("right", 5, 1), ("left", 1, 1.05)):
        box = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(1))
        box.text_frame.text = text
    group = slide.shapes.add_group_shape()
    box = group.shapes.add_textbox(Inches(1), Inches(3), Inches(2), Inches(1))
    box.text_frame.text = "grouped"
    document = save(deck, tmp_path)
    assert [block.text for block in document.blocks] == ["left", "right", "grouped", "low"]


def test_tables_and_charts(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[BLANK])
    table = slide.shapes.add_table(2, 2, Inches(1), Inches(1), Inches(4), Inches(1)).table
    for row, texts in zip(table.rows, (("Item", "Qty"), ("Mic", "2")), strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    data = CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = ["May", "June"]
    data.add_series("Listeners", (120, 140.5))  # type: ignore[no-untyped-call]
    slide.shapes.add_chart(
        XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(3), Inches(4), Inches(3), data
    )
    document = save(deck, tmp_path)
    assert [(block.kind, block.text) for block in document.blocks] == [
        ("table", "| Item | Qty |\n| --- | --- |\n| Mic | 2 |"),
        ("table", "|  | Listeners |\n| --- | --- |\n| May | 120 |\n| June | 140.5 |"),
    ]
