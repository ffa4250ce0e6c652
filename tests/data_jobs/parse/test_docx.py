"""Word: what python-docx's own text leaves out, and hostile parts."""

from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import docx
import pytest
from docx.oxml import parse_xml

from data_jobs.errors import UnreadableFileError
from data_jobs.parse.base import ParsedDocument
from data_jobs.parse.registry import parse_file

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


@pytest.fixture
def parse_body(tmp_path: Path) -> Callable[[str], ParsedDocument]:
    """Parse a document whose body is the given WordprocessingML."""

    def parse(body: str) -> ParsedDocument:
        document = docx.Document()
        root = parse_xml(f"<w:body {W}>{body}</w:body>")
        for element in reversed(list(root)):
            document.element.body.insert(0, element)
        path = tmp_path / "body.docx"
        document.save(str(path))
        return parse_file(path)[1]

    return parse


def texts(document: ParsedDocument) -> list[str]:
    return [block.text for block in document.blocks]


def test_insertions_count_and_deletions_do_not(
    parse_body: Callable[[str], ParsedDocument],
) -> None:
    body = (
        "<w:p><w:r><w:t>Kept </w:t></w:r><w:ins><w:r><w:t>added</w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>"
    )
    assert texts(parse_body(body)) == ["Kept added"]


def test_content_controls_and_text_boxes(parse_body: Callable[[str], ParsedDocument]) -> None:
    body = (
        "<w:sdt><w:sdtContent><w:p><w:r><w:t>in control</w:t></w:r></w:p></w:sdtContent></w:sdt>"
        "<w:p><w:r><w:t>outside</w:t></w:r><w:r><w:pict><w:txbxContent><w:p><w:r>"
        "<w:t>in box</w:t></w:r></w:p></w:txbxContent></w:pict></w:r></w:p>"
    )
    assert texts(parse_body(body)) == ["in control", "outside", "in box"]


def test_merged_cells_stay_in_their_columns(parse_body: Callable[[str], ParsedDocument]) -> None:
    def cell(text: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>"

    rows = (
        cell("a") + cell("b") + cell("c"),
        cell("wide", '<w:gridSpan w:val="2"/>') + cell("d"),
        cell("tall", '<w:vMerge w:val="restart"/>') + cell("e") + cell("f"),
        cell("", "<w:vMerge/>") + cell("g") + cell("h"),
    )
    body = "".join(f"<w:tr>{row}</w:tr>" for row in rows)
    (block,) = parse_body(f"<w:tbl>{body}</w:tbl>").blocks
    assert block.kind == "table"
    assert block.text.split("\n") == [
        "| a | b | c |",
        "| --- | --- | --- |",
        "| wide |  | d |",
        "| tall | e | f |",
        "|  | g | h |",
    ]


def test_numbers_and_levels_of_lists(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("first", style="List Number")
    document.add_paragraph("second", style="List Number")
    document.add_paragraph("Break.")
    document.add_paragraph("dot", style="List Bullet")
    path = tmp_path / "list.docx"
    document.save(str(path))
    assert texts(parse_file(path)[1]) == ["1. first\n2. second", "Break.", "- dot"]


def test_headings_have_levels_and_the_title_is_one(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("Big", level=0)
    document.add_heading("Part", level=1)
    document.add_heading("Section", level=3)
    path = tmp_path / "heads.docx"
    document.save(str(path))
    parsed = parse_file(path)[1]
    assert [(block.text, block.level) for block in parsed.blocks] == [
        ("Big", 1),
        ("Part", 1),
        ("Section", 3),
    ]
    assert parsed.title == "Big"


BOMB = (
    '<!DOCTYPE w [<!ENTITY a "'
    + "x" * 1_000
    + '">'
    + "".join(
        f'<!ENTITY {after} "{f"&{before};" * 50}">' for before, after in ("ab", "bc", "cd", "de")
    )
    + "]>"
)


@pytest.mark.parametrize("doctype", [BOMB, '<!DOCTYPE w [<!ENTITY e SYSTEM "file:///etc/hosts">]>'])
def test_entities_are_not_expanded(tmp_path: Path, doctype: str) -> None:
    clean, hostile = tmp_path / "clean.docx", tmp_path / "hostile.docx"
    document = docx.Document()
    document.add_paragraph("Before after")
    document.save(str(clean))
    with ZipFile(clean) as source, ZipFile(hostile, "w", ZIP_DEFLATED) as target:
        for entry in source.infolist():
            data = source.read(entry)
            if entry.filename == "word/document.xml":
                head, _, body = data.partition(b"?>")
                data = head + b"?>" + doctype.encode() + body.replace(b"after", b"after&e;")
            target.writestr(entry.filename, data)
    try:
        parsed = parse_file(hostile)[1]
    except UnreadableFileError:
        return
    assert texts(parsed) == ["Before after"]
