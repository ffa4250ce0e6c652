"""Spreadsheets: tables and headers, values as people read them, absurd sizes."""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
import pytest

from data_jobs.errors import LimitExceededError, UnreadableFileError
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.cells import cell_text
from data_jobs.parse.registry import parse_file


@pytest.fixture
def parse_rows(tmp_path: Path) -> Callable[..., ParsedDocument]:
    """Parse a workbook of one sheet with the given rows."""

    def parse(*rows: list[object]) -> ParsedDocument:
        book = openpyxl.Workbook()
        book.worksheets[0].title = "Data"
        for row in rows:
            book.worksheets[0].append(row)
        path = tmp_path / "rows.xlsx"
        book.save(path)
        return parse_file(path)[1]

    return parse


def test_header_is_repeated_in_blocks_of_fifty_rows(
    parse_rows: Callable[..., ParsedDocument],
) -> None:
    document = parse_rows(["id", "name"], *([i, f"row {i}"] for i in range(120)))
    blocks = [block.text.split("\n") for block in document.blocks]
    assert [len(lines) - 2 for lines in blocks] == [50, 50, 20]
    assert {lines[0] for lines in blocks} == {"| id | name |"}
    assert blocks[2][2] == "| 100 | row 100 |"
    assert {block.sheet for block in document.blocks} == {"Data"}


def test_captions_tables_and_remarks_are_told_apart(
    parse_rows: Callable[..., ParsedDocument],
) -> None:
    document = parse_rows(
        ["Invoice 17"], [], [None, "Item", "Price"], [None, "Mic", 199.5], [], [None, "Cable", 9],
        [], [None, "Sum", "Tax"], [None, 1, 2], [], ["Pay | soon"],
    )  # fmt: skip
    assert [(block.kind, block.text) for block in document.blocks] == [
        ("paragraph", "Invoice 17"),
        ("table", "| Item | Price |\n| --- | --- |\n| Mic | 199.5 |"),
        ("table", "| Item | Price |\n| --- | --- |\n| Cable | 9 |"),
        ("table", "| Sum | Tax |\n| --- | --- |\n| 1 | 2 |"),
        ("paragraph", "Pay | soon"),
    ]


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (datetime(2026, 5, 1), "General", "2026-05-01"),
        (datetime(2026, 5, 1, 9, 30), "General", "2026-05-01 09:30:00"),
        (date(2026, 5, 1), "General", "2026-05-01"),
        (time(9, 30), "General", "09:30:00"),
        (timedelta(hours=25, minutes=3), "General", "25:03:00"),
        (0.1 + 0.2, "General", "0.3"),
        (3.0, "General", "3"),
        (12_345_678, "#,##0", "12345678"),
        (0.256, "0.0%", "25.6%"),
        (True, "General", "true"),
        (None, "General", ""),
    ],
)
def test_values_are_readable(value: object, number_format: str, text: str) -> None:
    assert cell_text(value, number_format) == text


def test_pipes_and_line_breaks_do_not_break_tables(
    parse_rows: Callable[..., ParsedDocument],
) -> None:
    (block,) = parse_rows(["a", "b"], ["x|y", "two\nlines"]).blocks
    assert block.text.split("\n")[2] == r"| x\|y | two lines |"


def rewrite(path: Path, pattern: str, text: str) -> None:
    """Replace the first match in the only sheet of a workbook."""
    with ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            if name == "xl/worksheets/sheet1.xml":
                data = re.sub(pattern, text, data.decode(), count=1).encode()
            archive.writestr(name, data)


def test_declared_size_is_not_believed(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["a", "b"])
    book.worksheets[0].append([1, 2])
    path = tmp_path / "wrong.xlsx"
    book.save(path)
    for size in ("A1", "A1:XFD1048576"):
        rewrite(path, r'<dimension ref="[^"]*"', f'<dimension ref="{size}"')
        assert parse_file(path)[1].blocks[0].text.endswith("| 1 | 2 |")


def test_row_number_beyond_any_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_jobs.parse.xlsx.MOST_ROWS", 1_000)
    book = openpyxl.Workbook()
    book.worksheets[0].append(["a", "b"])
    path = tmp_path / "far.xlsx"
    book.save(path)
    rewrite(path, r'<row r="1"', '<row r="9000000000"')
    with pytest.raises(LimitExceededError, match="rows"):
        parse_file(path)


def test_repeated_long_string_hits_the_limit(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for _ in range(20):
        book.worksheets[0].append(["x" * 30_000] * 5)
    path = tmp_path / "long.xlsx"
    book.save(path)
    with pytest.raises(LimitExceededError, match="characters"):
        parse_file(path, ParseLimits(max_characters=1_000_000))


def test_entity_bomb(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["a", 1])
    path = tmp_path / "bomb.xlsx"
    book.save(path)
    levels = "".join(
        f'<!ENTITY {after} "{f"&{before};" * 50}">' for before, after in ("ab", "bc", "cd", "de")
    )
    bomb = f'<!DOCTYPE w [<!ENTITY a "{"x" * 1_000}">{levels}]>'
    rewrite(path, "<worksheet", f"{bomb}<worksheet")
    rewrite(path, "<v>1</v>", "<v>&e;</v>")
    with pytest.raises(UnreadableFileError):
        parse_file(path)
