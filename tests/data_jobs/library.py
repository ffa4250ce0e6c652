"""A small folder of real files in several formats, some of them damaged."""

from email.message import EmailMessage
from pathlib import Path

from docx import Document as WordDocument
from openpyxl import Workbook
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

CAPTIONS = """WEBVTT

00:00:01.000 --> 00:00:04.000
Welcome to the studio tour.

00:00:05.000 --> 00:00:09.000
The compressor hums in the back room.
"""


def write_library(folder: Path, *, damaged: bool = True) -> None:
    """Fill `folder`: seven readable files, of which one has an attachment, and two that are not."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lights.md").write_text("# Lights\n\nThe key light stands to the left.\n")
    (folder / "crew list.txt").write_text("Ana holds the boom. Ben pulls focus.")
    (folder / "gear.csv").write_text("item,length\nXLR cable,10 m\nHDMI cable,3 m\n")
    (folder / "tour.vtt").write_text(CAPTIONS)
    _pdf(folder / "invoice.pdf", ["Invoice 42 for two lenses", "Pay within thirty days"])
    _word(folder / "brief.docx")
    _mail(folder / "letter.eml")
    if not damaged:
        return
    (folder / "cut.pdf").write_bytes((folder / "invoice.pdf").read_bytes()[:300])
    (folder / "noise.bin").write_bytes(bytes(range(256)) * 20)


def _pdf(path: Path, pages: list[str]) -> None:
    canvas = Canvas(str(path), pagesize=A4)
    for text in pages:
        canvas.drawString(72, 700, text)
        canvas.showPage()
    canvas.save()


def _word(path: Path) -> None:
    document = WordDocument()
    document.add_heading("Brief", 1)
    document.add_paragraph("The film shall be four minutes long.")
    document.save(str(path))


def _mail(path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["day", "place"])
    sheet.append(["Monday", "harbour"])
    book.save(path.with_suffix(".xlsx"))
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@b.org", "c@d.org", "Schedule"
    message.set_content("The schedule is attached.")
    message.add_attachment(
        path.with_suffix(".xlsx").read_bytes(),
        "application",
        "vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        filename="schedule.xlsx",
    )
    path.with_suffix(".xlsx").unlink()
    path.write_bytes(message.as_bytes())
