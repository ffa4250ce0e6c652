"""PDF by its text layer, with PDFium; pages without one through OCR."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from data_jobs.errors import NeedsOcrError, SetAsideError, UnreadableFileError
from data_jobs.parse import media_types
from data_jobs.parse.base import MetadataValue, ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.garbage import is_garbage
from data_jobs.parse.ocr.tesseract import advice, is_available
from data_jobs.parse.pdf_lines import PageReader
from data_jobs.parse.pdf_paragraphs import Paragraph, paragraphs
from data_jobs.parse.pdf_running import RunningLines

# Below this, a page under a picture is taken for a scan with a stamp on it.
_FEW_CHARACTERS = 100
_LONGEST_HEADING = 200
_HEADING_SCALE = 1.12
# That of paragraphs which OCR read: it tells letters apart, not their sizes.
_NO_HEIGHT = 0.0
_METADATA = {"author": "Author", "subject": "Subject", "keywords": "Keywords"}
# What PDF writers put where nobody gave a value.
_NO_VALUE = frozenset(
    {"untitled", "anonymous", "(anonymous)", "unspecified", "(unspecified)", "none"}
)
_DATE = re.compile(r"D:(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d))?")

Page = list[Paragraph]


class PdfParser:
    """Paragraphs page by page; headings are told by the size of their letters."""

    name = "pdf"
    media_types = frozenset({media_types.PDF})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read the text layer; raises `NeedsOcrError` when no page has one nor can be read."""
        with _open(path) as document:
            builder = DocumentBuilder(limits)
            count = builder.check_pages(len(document))
            pages, needs_ocr, running = _read(document, builder, limits)
            values: dict[str, str] = document.get_metadata_dict(skip_empty=True)
            metadata: dict[str, MetadataValue | None] = {**_metadata(values)}
            metadata["running_lines"] = running or None
            if needs_ocr and is_available(limits.options.ocr):
                needs_ocr, told = _with_scans(document, pages, needs_ocr, limits)
                metadata |= told
            _add_blocks(builder, pages)
            if not builder.blocks and needs_ocr:
                raise NeedsOcrError(_without_text(count, limits))
            return builder.build(
                _title(values.get("Title", "")),
                pages=count,
                metadata=metadata,
                needs_ocr=needs_ocr,
            )


def _open(path: Path) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            message = "The PDF is encrypted. Save it without a password."
        else:
            message = "The PDF is damaged, has no pages, or is not a PDF."
        raise UnreadableFileError(message) from error


def _read(
    document: pdfium.PdfDocument, builder: DocumentBuilder, limits: ParseLimits
) -> tuple[list[Page], list[int], int]:
    """Return the paragraphs of every page, the numbers of those without usable text, and how
    many running lines were taken out.
    """
    reader, running = PageReader(document), RunningLines()
    drawn = (reader.lines(index) for index in range(len(document)))
    keeps = limits.options.pdf.running_lines
    pages: list[Page] = []
    needs_ocr: list[int] = []
    characters = 0
    for lines, cut in ((lines, False) for lines in drawn) if keeps else running.without(drawn):
        page = list(paragraphs(lines))
        size = sum([len(paragraph.text) for paragraph in page])
        characters += size
        builder.check_room(characters)
        # A page that says no more than its number has been read.
        usable = _usable(page) or (cut and not lines)
        if not usable or (size < _FEW_CHARACTERS and reader.is_picture(len(pages))):
            needs_ocr.append(len(pages) + 1)
        pages.append(page if usable else [])
    return pages, needs_ocr, running.removed


def _usable(page: Page) -> bool:
    """Whether the text of a page is text, not symbols of a font without a character map."""
    return not is_garbage("".join([paragraph.text for paragraph in page]))


def _with_scans(
    document: pdfium.PdfDocument, pages: list[Page], needs_ocr: list[int], limits: ParseLimits
) -> tuple[list[int], dict[str, MetadataValue]]:
    """Put what OCR reads into `pages`; return the pages that are still without, and metadata."""
    from data_jobs.parse.pdf_scans import ocr_metadata, read_scans

    if not limits.slow:
        raise SetAsideError(f"{len(needs_ocr)} pages need OCR")
    read = read_scans(document, needs_ocr, limits)
    for number, page in read.items():
        # A stamp over a picture stays, where OCR found no more than that.
        if page.characters > sum(len(paragraph.text) for paragraph in pages[number - 1]):
            pages[number - 1] = [Paragraph(text, _NO_HEIGHT, False) for text in page.paragraphs]
    left = [number for number in needs_ocr if number not in read]
    return left, ocr_metadata(list(read.values()))


def _without_text(count: int, limits: ParseLimits) -> str:
    if is_available(limits.options.ocr):
        return (
            f"None of the {count} pages has a text layer, and OCR could read none in time. "
            "Raise PMOVES_INGEST__OCR__PAGE_SECONDS or PMOVES_INGEST__SLOW_SECONDS."
        )
    return f"None of the {count} pages has a text layer. {advice(limits.options.ocr)}"


def _add_blocks(builder: DocumentBuilder, pages: Sequence[Page]) -> None:
    levels = _heading_levels(pages)
    for number, page in enumerate(pages, start=1):
        for paragraph in _with_lists(page):
            level = levels.get(_size(paragraph), 0)
            if level and _may_be_heading(paragraph):
                builder.add_heading(paragraph.text, level, page=number)
            else:
                builder.add(
                    paragraph.text, "list" if paragraph.bullet else "paragraph", page=number
                )


def _heading_levels(pages: Sequence[Page]) -> dict[float, int]:
    """Map the letter sizes above that of the body text to levels, the largest to 1."""
    weights: Counter[float] = Counter()
    candidates: set[float] = set()
    for page in pages:
        for paragraph in page:
            if paragraph.height == _NO_HEIGHT:
                continue
            weights[_size(paragraph)] += len(paragraph.text)
            if _may_be_heading(paragraph):
                candidates.add(_size(paragraph))
    body = max(weights, key=lambda size: (weights[size], size), default=0.0)
    larger = sorted((size for size in candidates if size > _HEADING_SCALE * body), reverse=True)
    return {size: level for level, size in enumerate(larger, start=1)}


def _size(paragraph: Paragraph) -> float:
    return round(paragraph.height * 2) / 2


def _may_be_heading(paragraph: Paragraph) -> bool:
    text = paragraph.text
    return len(text) <= _LONGEST_HEADING and any(map(str.isalpha, text))


def _with_lists(page: Page) -> Iterator[Paragraph]:
    """Put the bullets that follow each other into one list."""
    waiting: Paragraph | None = None
    for paragraph in page:
        if waiting and paragraph.bullet and waiting.bullet:
            waiting.text += "\n" + paragraph.text
            continue
        if waiting:
            yield waiting
        waiting = paragraph
    if waiting:
        yield waiting


def _title(title: str) -> str | None:
    for prefix in ("Microsoft Word - ", "Microsoft PowerPoint - "):
        title = title.removeprefix(prefix)
    return _value(title)


def _metadata(values: dict[str, str]) -> dict[str, str | None]:
    metadata = {name: _value(values.get(key, "")) for name, key in _METADATA.items()}
    if match := _DATE.match(values.get("CreationDate", "")):
        year, month, day, *time = match.groups()
        metadata["created_at"] = f"{year}-{month}-{day}" + ("T" + ":".join(time)) * all(time)
    return metadata


def _value(text: str) -> str | None:
    return None if text.strip().lower() in _NO_VALUE else text
