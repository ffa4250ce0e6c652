"""Old Office files through the real LibreOffice."""

import shutil
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import psutil
import pytest

from data_jobs.errors import IngestError, LimitExceededError
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.embedded import embedded_files
from data_jobs.parse.office_program import convert
from data_jobs.parse.options import ImageOptions, OfficeOptions, ParseOptions
from data_jobs.parse.programs import run_program
from data_jobs.parse.registry import parse_file
from tests.data_jobs.parse.conftest import MAKERS, make_unstructured
from tests.data_jobs.parse.pictures import sign

needs_office = pytest.mark.skipif(
    shutil.which("soffice") is None, reason="LibreOffice is not installed"
)
integration = pytest.mark.integration


def old(folder: Path, maker: str, kind: str) -> Path:
    """Write the sample of one of today's formats in an old one."""
    sample = MAKERS[maker](folder)
    work = folder / kind
    work.mkdir()
    found = convert(sample.path, sample.path.suffix[1:], kind, work, ParseLimits())
    return found.rename(folder / "file.txt")


@integration
@needs_office
def test_word_keeps_headings_lists_and_tables(tmp_path: Path) -> None:
    media_type, document = parse_file(old(tmp_path, "docx", "doc"))
    assert media_type == "application/msword"
    assert document.title == "Session notes"
    kinds = [block.kind for block in document.blocks]
    assert kinds == ["heading", "paragraph", "list", "table", "heading", "paragraph"]


@integration
@needs_office
def test_presentations_keep_their_slides_and_notes(tmp_path: Path) -> None:
    media_type, document = parse_file(old(tmp_path, "pptx", "odp"))
    assert media_type == "application/vnd.oasis.opendocument.presentation"
    assert document.pages == 2
    assert {(b.text, b.slide) for b in document.blocks if b.kind != "list"} == {
        ("Why a mesh", 1),
        ("Smile here.", 1),
        ("What it costs", 2),
        ("Pause here.", 2),
    }


@integration
@needs_office
def test_templates_are_read_as_documents(tmp_path: Path) -> None:
    media_type, document = parse_file(old(tmp_path, "docx", "ott"))
    assert media_type == "application/vnd.oasis.opendocument.text-template"
    assert document.title == "Session notes"


@integration
@needs_office
def test_sheets_keep_their_names(tmp_path: Path) -> None:
    (block,) = parse_file(make_unstructured(tmp_path).path)[1].blocks
    assert (block.sheet, block.kind) == ("Gear", "table")
    assert block.text == "| Item | Qty |\n| --- | --- |\n| Mic | 2 |\n| Cable | 10 |"


@integration
@needs_office
def test_by_way_of_pdf_hits_have_pages_and_a_preview(tmp_path: Path) -> None:
    sample = MAKERS["pptx"](tmp_path)
    (tmp_path / "scratch").mkdir()
    limits = ParseLimits(
        scratch=str(tmp_path / "scratch"), options=ParseOptions(office=OfficeOptions(as_pdf=True))
    )
    document = parse_file(sample.path, limits)[1]
    assert document.pages == 2
    assert {block.page for block in document.blocks if "costs" in block.text} == {2}
    assert document.preview is not None
    assert Path(document.preview).read_bytes().startswith(b"%PDF")


@integration
@needs_office
def test_documents_fetch_nothing(tmp_path: Path) -> None:
    asked: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_OPTIONS = do_PROPFIND = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        path = tmp_path / "a.rtf"
        field = rf'{{\field{{\*\fldinst INCLUDEPICTURE "{address}/x.png" \\d}}{{\fldrslt x}}}}'
        template = rf"{{\*\template {address}/t.dot}}"
        path.write_text(rf"{{\rtf1\ansi {template} Before {field} after.\par}}")
        document = parse_file(path)[1]
        server.shutdown()
    assert "Before" in document.blocks[0].text
    assert asked == []


@integration
@needs_office
def test_a_conversion_that_takes_too_long_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.rtf"
    path.write_text(r"{\rtf1\ansi Notes.\par}")
    limits = ParseLimits(options=ParseOptions(office=OfficeOptions(seconds=0.3)))
    with pytest.raises(LimitExceededError, match=r"took longer than 0\.3 s"):
        parse_file(path, limits)
    assert not [
        process
        for process in psutil.Process().children(recursive=True)
        if process.name().startswith(("soffice", "oosplash"))
    ]


@integration
@needs_office
def test_damaged_files_are_told(tmp_path: Path) -> None:
    path = tmp_path / "broken.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le"))
    with pytest.raises(IngestError):
        parse_file(path)


def test_a_program_and_its_children_end_with_their_time(tmp_path: Path) -> None:
    with pytest.raises(LimitExceededError, match="sh took longer"):
        run_program(["/bin/sh", "-c", f"sleep 600 & echo $! > {tmp_path / 'pid'}; wait"], 0.5)
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_files_inside_of_office_files_come_out_and_pictures_if_wanted(tmp_path: Path) -> None:
    import docx

    sign("Wet paint").save(tmp_path / "a.png")
    document = docx.Document()
    document.add_paragraph("See below.")
    document.add_picture(str(tmp_path / "a.png"))
    document.save(str(tmp_path / "a.docx"))
    (tmp_path / "scratch").mkdir()
    plain = ParseLimits(scratch=str(tmp_path / "scratch"))
    assert embedded_files(tmp_path / "a.docx", plain) == []
    options = ParseOptions(images=ImageOptions(embedded=True))
    wanted = ParseLimits(scratch=str(tmp_path / "scratch"), options=options)
    (picture,) = embedded_files(tmp_path / "a.docx", wanted)
    assert picture.name == "image1.png"
    assert Path(str(picture.path)).read_bytes() == (tmp_path / "a.png").read_bytes()


def test_workbooks_of_charts_are_no_documents_of_their_own(tmp_path: Path) -> None:
    import pptx
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches

    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    data = CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = ["East", "West"]
    data.add_series("Sales", (1.5, 2.5))  # type: ignore[no-untyped-call]
    place = [Inches(1)] * 4
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *place, data)
    deck.save(str(tmp_path / "a.pptx"))
    parse: Callable[[Path], tuple[str, ParsedDocument]] = parse_file
    assert parse(tmp_path / "a.pptx")[1].attachments == ()
