"""What is printed, drawn and spoken: PDF with and without text, pictures, recordings."""

import io
import subprocess
import tempfile
from pathlib import Path
from textwrap import wrap

from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from tests.data_jobs.mixed.planned import Content
from tests.data_jobs.mixed.prose import Prose

_READ = 0.9
_HEARD = 0.6
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")
_PER_PAGE = 20


def pdf(prose: Prose, number: int) -> Content:
    """Pages with a text layer."""
    own = prose.sentences(4, 60)
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    canvas.setTitle(f"Paper {number}")
    for at in range(0, len(own), _PER_PAGE):
        for line, sentence in enumerate(own[at : at + _PER_PAGE]):
            canvas.drawString(72, 760 - 24 * line, sentence)
        canvas.showPage()
    canvas.save()
    return Content(file.getvalue(), own)


def scan(prose: Prose, _number: int) -> Content:
    """Pages that are pictures."""
    own = prose.sentences(4, 16)
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    for at in range(0, len(own), 8):
        page = _drawn(own[at : at + 8], (1654, 2339), 40)
        canvas.drawImage(ImageReader(page), 0, 0, *A4)
        canvas.showPage()
    canvas.save()
    return Content(file.getvalue(), own, share=_READ)


def picture(prose: Prose, number: int) -> Content:
    """A few large sentences, in one format after the other."""
    own = prose.sentences(2, 4)
    file = io.BytesIO()
    _drawn(own, (1400, 600), 40).save(file, _FORMATS[number % len(_FORMATS)])
    return Content(file.getvalue(), own, share=_READ)


def picture_suffix(number: int) -> str:
    """Return what the name of that picture ends with."""
    return _FORMATS[number % len(_FORMATS)].lower()


def recording(prose: Prose, _number: int) -> Content:
    """Sentences spoken by espeak-ng."""
    own = prose.sentences(2, 3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spoken.wav"
        command = ["espeak-ng", "-v", "en-us", "-s", "130", "-w", str(path), " ".join(own)]
        subprocess.run(command, check=True)
        return Content(path.read_bytes(), own, share=_HEARD)


def _drawn(sentences: tuple[str, ...], size: tuple[int, int], letters: int) -> Image.Image:
    image = Image.new("L", size, 255)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(letters)
    lines = [line for sentence in sentences for line in wrap(sentence, 2 * size[0] // letters - 6)]
    for number, line in enumerate(lines):
        draw.text((100, 60 + 2 * letters * number), line, 0, font)
    return image
