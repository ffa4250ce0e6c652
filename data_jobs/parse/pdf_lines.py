"""The lines of a PDF page with their places, straight from PDFium.

PDFium's C functions are called directly: one call for the text of a page and
one for the place of each line keeps extraction as fast as PDFium itself.
"""

import contextlib
import ctypes
from typing import NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as raw

# PDFium puts this in place of a hyphen at the end of a line, and drops the line break.
JOINED = "\ufffe"


class Line(NamedTuple):
    """One line of text; lengths are points, `bottom` grows upwards."""

    text: str
    left: float
    bottom: float
    height: float


class PageReader:
    """Reads the pages of one open document; not to be shared between threads."""

    def __init__(self, document: pdfium.PdfDocument) -> None:
        self._document = document
        self._box = raw.FS_RECTF()
        self._box_reference = ctypes.byref(self._box)
        self._grow(16_384)

    def lines(self, index: int) -> list[Line]:
        """Return the lines of page `index` (from 0); a damaged page has none."""
        page = raw.FPDF_LoadPage(self._document, index)
        text_page = raw.FPDFText_LoadPage(page) if page else None
        try:
            return self._lines(text_page) if text_page else []
        finally:
            if text_page:
                raw.FPDFText_ClosePage(text_page)
            if page:
                raw.FPDF_ClosePage(page)

    def is_picture(self, index: int) -> bool:
        """Return whether one image covers at least half of page `index` (from 0)."""
        try:
            with contextlib.closing(self._document[index]) as page:
                half = 0.5 * page.get_width() * page.get_height()
                images = page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3)
                return any(_area(*image.get_bounds()) >= half for image in images)
        except pdfium.PdfiumError:
            return False

    def _lines(self, text_page: raw.FPDF_TEXTPAGE) -> list[Line]:
        characters = raw.FPDFText_CountChars(text_page)
        text = self._text(text_page, characters)
        # Indexes into the text and into PDFium's characters differ on rare pages only.
        shifted = len(text) != characters
        box, reference, loose = self._box, self._box_reference, raw.FPDFText_GetLooseCharBox
        lines: list[Line] = []
        at, above = 0, 0.0
        for line in text.split("\r\n"):
            if kept := line.rstrip():
                index = raw.FPDFText_GetCharIndexFromTextIndex(text_page, at) if shifted else at
                loose(text_page, index, reference)
                left, height = box.left, box.top - box.bottom
                if not 0.9 * above <= height <= 1.1 * above:
                    height = self._height(text_page, kept, index, above)
                lines.append(Line(kept, left, box.bottom, height))
                above = height
            at += len(line) + 2
        return lines

    def _height(self, text_page: raw.FPDF_TEXTPAGE, text: str, index: int, above: float) -> float:
        """Measure a line that does not begin as high as the one above it.

        A bullet, or a word in another font, may begin or end a line of the same size.
        """
        second = index + text.find(" ") + 1
        fallback = index if text[0].isalpha() else second
        for at in (second, index + len(text) - 1, fallback):
            raw.FPDFText_GetLooseCharBox(text_page, at, self._box_reference)
            height: float = self._box.top - self._box.bottom
            if 0.9 * above <= height <= 1.1 * above:
                break
        return height

    def _text(self, text_page: raw.FPDF_TEXTPAGE, characters: int) -> str:
        if characters <= 0:
            return ""
        # Room for the final NUL, and for characters that PDFium spells as two.
        if 2 * characters + 2 > self._room:
            self._grow(4 * characters)
        count = raw.FPDFText_GetText(text_page, 0, characters, self._buffer)
        return str(self._view[: max(count - 1, 0)], "utf-16-le", "ignore")

    def _grow(self, room: int) -> None:
        self._room = room
        self._buffer = (ctypes.c_ushort * room)()
        self._view = memoryview(self._buffer)


def _area(left: float, bottom: float, right: float, top: float) -> float:
    return (right - left) * (top - bottom)
