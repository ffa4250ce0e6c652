"""The pages of a PDF that hold no usable text, drawn and read by OCR."""

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

import pypdfium2 as pdfium

from data_jobs.parse.base import MetadataValue, ParseLimits
from data_jobs.parse.ocr.page import OcrPage
from data_jobs.parse.ocr.reader import read_pages

if TYPE_CHECKING:
    from PIL import Image

_POINTS_PER_INCH = 72


def read_scans(
    document: pdfium.PdfDocument, numbers: Sequence[int], limits: ParseLimits
) -> dict[int, OcrPage]:
    """Return what OCR read of the pages `numbers` (from 1); pages it could not read are left out.

    A blank page is one without paragraphs.
    """
    read = read_pages(_drawn(document, numbers, limits), limits)
    return {number: page for number, page in read if page is not None}


def ocr_metadata(pages: Sequence[OcrPage]) -> dict[str, MetadataValue]:
    """Return what OCR tells of a document: pages, confidence, and scripts of doubtful pages."""
    found = [page for page in pages if page.paragraphs]
    metadata: dict[str, MetadataValue] = {"ocr_pages": len(pages)}
    if found:
        metadata["ocr_confidence"] = round(fmean(page.confidence for page in found), 1)
    if scripts := sorted({page.script for page in found if page.script}):
        metadata["ocr_scripts"] = scripts
    if rotated := sum(page.rotated != 0 for page in found):
        metadata["ocr_rotated_pages"] = rotated
    return metadata


def _drawn(
    document: pdfium.PdfDocument, numbers: Sequence[int], limits: ParseLimits
) -> Iterator[tuple[int, "Image.Image"]]:
    """Draw the pages one by one, in grey; a page that cannot be drawn is left out."""
    for number in numbers:
        try:
            page = document[number - 1]
            scale = _scale(page.get_size(), limits)
            # PDFium draws in colors twice as fast as in grey, with the same outcome.
            bitmap = page.render(scale=scale, prefer_bgrx=True, rev_byteorder=True)
            image = bitmap.to_pil().convert("L")
            bitmap.close()
            page.close()
        except pdfium.PdfiumError:
            continue
        yield number, image


def _scale(size: tuple[float, float], limits: ParseLimits) -> float:
    """Return pixels per point: those of the wanted resolution, less on a poster."""
    wanted = limits.options.ocr.dpi / _POINTS_PER_INCH
    area = max(size[0] * size[1], 1.0)
    side = max(*size, 1.0)
    images = limits.options.images
    return float(min(wanted, (images.max_pixels / area) ** 0.5, images.max_side / side))
