"""Pages and pictures of our own, whose text is known."""

from pathlib import Path

import pypdfium2
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

PROSE = (
    "The harbour master keeps two logs, one of ships and one of weather.",
    "Each morning he reads the barometer and writes the figure in pencil.",
    "Fishing boats leave at five and return before the tide turns at noon.",
    "Whoever borrows the small dinghy signs for it in the green notebook.",
    "Ropes are washed in fresh water and hung to dry in the long shed.",
    "The lamp on the outer mole burns from dusk until the sun is up.",
    "In winter the crane is greased once a week and turned by hand.",
    "Letters for the island wait in the office until the ferry arrives.",
)
A4 = (595, 842)


def write_pages(path: Path, *pages: tuple[str, ...]) -> Path:
    """Write a PDF with a text layer, one line under the other."""
    canvas = Canvas(str(path), pagesize=A4)
    for lines in pages:
        canvas.setFont("Times-Roman", 12)
        for number, line in enumerate(lines):
            canvas.drawString(72, 760 - 24 * number, line)
        canvas.showPage()
    canvas.save()
    return path


def drawn(path: Path, dpi: int = 200) -> list[Image.Image]:
    """Return the pages of a PDF as pictures."""
    with pypdfium2.PdfDocument(path) as document:
        return [page.render(scale=dpi / 72, grayscale=True).to_pil().copy() for page in document]


def write_scans(path: Path, *images: Image.Image) -> Path:
    """Write a PDF of pictures without a text layer."""
    canvas = Canvas(str(path), pagesize=A4)
    for image in images:
        width, height = image.size
        size = (A4[0], A4[0] * height / width)
        canvas.setPageSize(size)
        canvas.drawImage(ImageReader(image), 0, 0, *size)
        canvas.showPage()
    canvas.save()
    return path


def sign(*lines: str) -> Image.Image:
    """Return a small picture of a few large words."""
    image = Image.new("RGB", (900, 80 + 70 * len(lines)), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(44)
    for number, line in enumerate(lines):
        draw.text((40, 40 + 70 * number), line, "black", font)
    return image
