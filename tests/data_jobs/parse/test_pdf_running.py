"""Headers and footers that pages repeat: taken out, and nothing but them."""

import random
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.options import ParseOptions, PdfOptions
from data_jobs.parse.registry import parse_file

Placed = tuple[float, float, str]
KEEPING = ParseLimits(options=ParseOptions(pdf=PdfOptions(running_lines=True)))
WORDS = (
    *("preamp", "tube", "gain", "room", "mirror", "cabinet", "kettle", "harbour", "lantern"),
    *("engineer", "quiet", "signal", "of", "the", "and", "with", "under", "while", "every"),
    *("second", "morning", "48", "volts", "1975", "above", "line", "pier", "salt", "rope"),
)
HEADERS = ("The Book of Rooms", "A. Writer", "Draft of May, not for sale", "of 24")


def drawn(path: Path, pages: Sequence[Sequence[Placed]], size: float = 11) -> Path:
    canvas = Canvas(str(path))
    for page in pages:
        canvas.setFont("Helvetica", size)
        for x, y, text in page:
            canvas.drawString(x, y, text)
        canvas.showPage()
    canvas.save()
    return path


def bodies(count: int, lines: int = 30) -> list[list[str]]:
    """Return pages of lines of which no two are the same."""
    chance = random.Random(7)
    return [
        [" ".join(chance.choices(WORDS, k=11)) + "." for _ in range(lines)] for _ in range(count)
    ]


def at(body: Sequence[str], top: float = 740) -> list[Placed]:
    return [(72, top - 16 * row, text) for row, text in enumerate(body)]


def text_of(document: ParsedDocument) -> str:
    return " ".join(block.text for block in document.blocks).replace("\n", " ")


def fidelity(found: str, truth: str) -> float:
    """Return the share of the words of `truth` that `found` has in their order."""
    words, read = truth.split(), found.split()
    matcher = SequenceMatcher(None, words, read, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) / max(len(words), len(read))


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[list[str]]]:
    """A title page and 19 pages with headers, left and right ones, footers and page numbers."""
    pages = bodies(20, lines=12)
    placed = [at(body) for body in pages]
    for number, page in enumerate(placed[1:], start=2):
        header = (72.0, 800.0, "The Book of Rooms") if number % 2 else (400.0, 800.0, "A. Writer")
        page.insert(0, header)
        page += [(72, 40, "Draft of May, not for sale"), (290, 25, f"Page {number + 4} of 24")]
        page.append((500, 25, str(number)))
    return drawn(tmp_path_factory.mktemp("book") / "book.pdf", placed), pages


def test_headers_and_footers_stay_once_and_the_text_as_it_is(
    book: tuple[Path, list[list[str]]],
) -> None:
    path, pages = book
    document = parse_file(path)[1]
    text = text_of(document)
    for header in (*HEADERS[:3], "Page 6 of 24 2"):
        assert text.count(header) == 1, header
        text = text.replace(header, "")
    truth = " ".join(" ".join(body) for body in pages)
    assert fidelity(text, truth) >= 0.995
    assert document.metadata["running_lines"] == 19 * 3 - 4
    assert {block.page for block in document.blocks} == set(range(1, 21))


def test_only_lines_that_repeat_are_gone(book: tuple[Path, list[list[str]]]) -> None:
    path, _ = book
    kept, cut = (text_of(parse_file(path, limits)[1]) for limits in (KEEPING, ParseLimits()))
    assert "running_lines" not in parse_file(path, KEEPING)[1].metadata
    gone = Counter(kept.split()) - Counter(cut.split())
    repeated = " ".join((*HEADERS, "Page")).split()
    assert not Counter(cut.split()) - Counter(kept.split())
    assert {word for word in gone if not word.isdigit()} == set(repeated) - {"24"}


@pytest.mark.parametrize(
    "extra",
    [
        # The first rows of a table that goes on: numbers, but no page numbers.
        lambda number: [(72, 800, f"{number * 7} 3 {number * 5}")],
        # The same words, at another place on each page.
        lambda number: [(72, 500 + 13 * number, "The same words again")],
        # What two pages share is no rule.
        lambda number: [(72, 800, "Part two")] if number in (3, 4) else [],
    ],
)
def test_what_is_no_running_line_stays(tmp_path: Path, extra: object) -> None:
    assert callable(extra)
    pages = [[*extra(n), *at(body)] for n, body in enumerate(bodies(8, 20), start=1)]
    path = drawn(tmp_path / "kept.pdf", pages)
    assert parse_file(path)[1] == parse_file(path, KEEPING)[1]


def test_a_heading_that_counts_with_the_pages_stays(tmp_path: Path) -> None:
    path = tmp_path / "planner.pdf"
    canvas = Canvas(str(path))
    for number, body in enumerate(bodies(9, 20), start=1):
        canvas.setFont("Helvetica", 18)
        canvas.drawString(72, 800, f"Day {number}")
        canvas.setFont("Helvetica", 11)
        for x, y, text in at(body):
            canvas.drawString(x, y, text)
        canvas.showPage()
    canvas.save()
    headings = [block.text for block in parse_file(path)[1].blocks if block.kind == "heading"]
    assert headings == [f"Day {number}" for number in range(1, 10)]


def test_a_chapter_has_its_own_header_in_a_long_book(tmp_path: Path) -> None:
    pages = [
        [(72.0, 800.0, f"Chapter {'one' if number < 150 else 'two'}"), *at(body)]
        for number, body in enumerate(bodies(200, 7), start=1)
    ]
    text = text_of(parse_file(drawn(tmp_path / "long.pdf", pages))[1])
    assert text.count("Chapter one") == 1
    # The pages between the change and the next look keep theirs, if there are few of them.
    assert text.count("Chapter two") <= 1


def test_a_page_that_says_no_more_than_its_number_needs_no_ocr(tmp_path: Path) -> None:
    pages = [
        [*(at(body) if number != 4 else []), (290.0, 25.0, str(number))]
        for number, body in enumerate(bodies(6), start=1)
    ]
    document = parse_file(drawn(tmp_path / "blank.pdf", pages))[1]
    assert document.needs_ocr == ()
    assert document.pages == 6
    assert {block.page for block in document.blocks} == {1, 2, 3, 5, 6}
