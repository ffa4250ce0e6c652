"""PDF: pages, paragraphs, headings, and pages that need OCR."""

from collections.abc import Callable
from pathlib import Path

import pytest
from reportlab.lib import pdfencrypt
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from data_jobs.errors import NeedsOcrError, UnreadableFileError
from data_jobs.parse.base import ParsedDocument
from data_jobs.parse.pdf_lines import JOINED, Line, PageReader
from data_jobs.parse.pdf_paragraphs import paragraphs
from data_jobs.parse.registry import parse_file

Draw = Callable[[Canvas], None]


@pytest.fixture
def parse_pdf(tmp_path: Path) -> Callable[..., ParsedDocument]:
    """Draw pages and parse them."""

    def parse(*pages: Draw, **options: object) -> ParsedDocument:
        path = tmp_path / "drawn.pdf"
        canvas = Canvas(str(path), **options)
        for page in pages:
            page(canvas)
            canvas.showPage()
        canvas.save()
        return parse_file(path)[1]

    return parse


def lines_at(*lines: tuple[float, float, str], size: float = 11) -> Draw:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", size)
        for x, y, text in lines:
            canvas.drawString(x, y, text)

    return draw


def picture(canvas: Canvas) -> None:
    from PIL import Image

    canvas.drawImage(ImageReader(Image.new("RGB", (60, 80), "grey")), 0, 0, 595, 842)


FULL = "A line of text that is as long as any other line here"


def test_each_block_knows_its_page(parse_pdf: Callable[..., ParsedDocument]) -> None:
    document = parse_pdf(lines_at((72, 700, "First page.")), lines_at((72, 700, "Second page.")))
    assert [(block.text, block.page) for block in document.blocks] == [
        ("First page.", 1),
        ("Second page.", 2),
    ]


def test_paragraphs_part_at_gaps_and_join_lines(
    parse_pdf: Callable[..., ParsedDocument],
) -> None:
    page = lines_at(
        (72, 700, FULL), (72, 686, FULL), (72, 672, "end."), (72, 644, FULL), (72, 630, FULL)
    )
    assert [block.text for block in parse_pdf(page).blocks] == [
        f"{FULL} {FULL} end.",
        f"{FULL} {FULL}",
    ]


def test_hyphenated_line_ends_are_joined(parse_pdf: Callable[..., ParsedDocument]) -> None:
    page = lines_at(
        (72, 700, "The engineer put the micro-"),
        (72, 686, "phone near the state-of-the-"),
        (72, 672, "art cabinet of Anglo-"),
        (72, 658, "Saxon make, built 2020-"),
        (72, 644, "2021 in a small workshop."),
    )
    (block,) = parse_pdf(page).blocks
    assert block.text == (
        "The engineer put the microphone near the state-of-the-art cabinet of "
        "Anglo-Saxon make, built 2020-2021 in a small workshop."
    )


def test_larger_letters_are_headings_by_rank(parse_pdf: Callable[..., ParsedDocument]) -> None:
    def page(canvas: Canvas) -> None:
        lines_at((72, 780, "Handbook"), size=24)(canvas)
        lines_at((72, 740, "Rooms"), size=16)(canvas)
        lines_at((72, 700, FULL + "."), (72, 686, FULL + "."))(canvas)

    document = parse_pdf(page)
    headings = [(b.text, b.level) for b in document.blocks if b.kind == "heading"]
    assert headings == [("Handbook", 1), ("Rooms", 2)]
    assert document.title == "Handbook"


def test_bullets_make_a_list(parse_pdf: Callable[..., ParsedDocument]) -> None:
    page = lines_at(
        (72, 700, FULL + ":"), (72, 686, "• one thing"), (72, 672, "• another"), (72, 640, FULL)
    )
    assert [(block.kind, block.text) for block in parse_pdf(page).blocks] == [
        ("paragraph", FULL + ":"),
        ("list", "• one thing\n• another"),
        ("paragraph", FULL),
    ]


def test_columns_are_read_one_after_the_other(parse_pdf: Callable[..., ParsedDocument]) -> None:
    left = [(72.0, 700.0 - 14 * i, f"left line number {i} of the column") for i in range(5)]
    right = [(320.0, 700.0 - 14 * i, f"right line number {i} of the column") for i in range(5)]
    text = " ".join(block.text for block in parse_pdf(lines_at(*left, *right)).blocks)
    assert text.index("left line number 4") < text.index("right line number 0")


def test_rows_of_a_table_keep_their_lines() -> None:
    rows = ["Item Qty Price", "Microphone 2 199.00", "Cable 10 9.50"]
    body = [Line(FULL, 72, 700 - 14 * i, 12) for i in range(8)]
    table = [Line(text, 72, 560 - 20 * i, 12) for i, text in enumerate(rows)]
    assert [p.text for p in paragraphs(body + table)][-1] == "\n".join(rows)


def test_joined_mark_counts_as_two_lines() -> None:
    lines = [Line(FULL, 72, 700, 12), Line(f"micro{JOINED}phone {FULL}", 72, 686, 12)]
    lines += [Line(FULL, 72, 658, 12), Line(FULL, 72, 644, 12)]
    assert [p.text for p in paragraphs(lines)] == [
        f"{FULL} microphone {FULL} {FULL} {FULL}",
    ]


@pytest.mark.usefixtures("no_programs")
def test_pages_without_text_need_ocr(parse_pdf: Callable[..., ParsedDocument]) -> None:
    def stamped(canvas: Canvas) -> None:
        picture(canvas)
        canvas.drawString(72, 20, "Page 3 of 3")

    document = parse_pdf(lines_at((72, 700, FULL)), picture, stamped)
    assert document.needs_ocr == (2, 3)
    assert document.pages == 3


@pytest.mark.usefixtures("no_programs")
def test_document_of_pictures_needs_ocr(parse_pdf: Callable[..., ParsedDocument]) -> None:
    with pytest.raises(NeedsOcrError, match="2 pages"):
        parse_pdf(picture, picture)


@pytest.mark.usefixtures("no_programs")
def test_symbols_without_a_character_map_need_ocr(
    parse_pdf: Callable[..., ParsedDocument], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = PageReader.lines

    def lines(reader: PageReader, index: int) -> list[Line]:
        found = drawn(reader, index)
        return found if index else [line._replace(text="\ue012\ue013 7 \ue014") for line in found]

    monkeypatch.setattr(PageReader, "lines", lines)
    document = parse_pdf(lines_at((72, 700, FULL)), lines_at((72, 700, FULL)))
    assert document.needs_ocr == (1,)
    assert [block.page for block in document.blocks] == [2]


def test_encrypted(parse_pdf: Callable[..., ParsedDocument]) -> None:
    lock = pdfencrypt.StandardEncryption("secret", canPrint=0)
    with pytest.raises(UnreadableFileError, match="password"):
        parse_pdf(lines_at((72, 700, FULL)), encrypt=lock)


def test_owner_password_alone_does_not_lock(parse_pdf: Callable[..., ParsedDocument]) -> None:
    lock = pdfencrypt.StandardEncryption("", ownerPassword="secret")
    assert parse_pdf(lines_at((72, 700, FULL)), encrypt=lock).blocks[0].text == FULL


def test_names_that_writers_make_up_are_no_title(
    parse_pdf: Callable[..., ParsedDocument],
) -> None:
    document = parse_pdf(lines_at((72, 700, FULL)))
    assert document.title is None
    assert "author" not in document.metadata
    assert str(document.metadata["created_at"])[:2] == "20"
