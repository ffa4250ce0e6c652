"""Office files: DOCX, PPTX and XLSX by their libraries, OpenDocument and RTF by hand."""

import io
from html import escape
from typing import BinaryIO, Protocol
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import docx
import openpyxl
import pptx

from tests.data_jobs.mixed.planned import Content
from tests.data_jobs.mixed.prose import Prose, paragraphs

_NAMES = "urn:oasis:names:tc:opendocument:xmlns"
_MEDIA = "application/vnd.oasis.opendocument"


def word(prose: Prose, number: int) -> Content:
    """Headings, paragraphs, a list and a table."""
    own = prose.sentences(8, 40)
    document = docx.Document()
    document.core_properties.title = f"Report {number}"
    document.add_heading(own[0], 1)
    document.add_paragraph(own[1], style="List Bullet")
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "said", own[2]
    for paragraph in paragraphs(own[3:]):
        document.add_paragraph(paragraph)
    return _saved(document, own)


def slides(prose: Prose, _number: int) -> Content:
    """A title, points and speaker's notes on each slide."""
    own = prose.sentences(6, 24)
    deck = pptx.Presentation()
    for at in range(0, len(own), 3):
        title, *rest = own[at : at + 3]
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        if rest:
            slide.placeholders[1].text = rest[0]
        if len(rest) > 1:
            slide.notes_slide.notes_text_frame.text = rest[1]
    return _saved(deck, own)


def workbook(prose: Prose, _number: int) -> Content:
    """Two sheets with numbers, a formula and remarks."""
    own = prose.sentences(6, 60)
    book = openpyxl.Workbook()
    sheets = [book.worksheets[0], book.create_sheet("More")]
    for sheet in sheets:
        sheet.append(["Amount", "Remark"])
    for number, sentence in enumerate(own):
        sheets[number % 2].append([number, sentence])
    return _saved(book, own)


def open_text(prose: Prose, _number: int) -> Content:
    """An OpenDocument text."""
    own = prose.sentences(6, 20)
    body = f'<text:h text:outline-level="1">{own[0]}</text:h>' + _texts(paragraphs(own[1:]))
    return Content(_open_document("text", body), own)


def open_sheet(prose: Prose, _number: int) -> Content:
    """An OpenDocument spreadsheet."""
    own = prose.sentences(6, 20)
    rows = "".join(
        f'<table:table-row><table:table-cell office:value-type="string">{_texts([sentence])}'
        "</table:table-cell></table:table-row>"
        for sentence in own
    )
    body = f'<table:table table:name="List">{rows}</table:table>'
    return Content(_open_document("spreadsheet", body), own)


def open_slides(prose: Prose, _number: int) -> Content:
    """An OpenDocument presentation."""
    own = prose.sentences(3, 8)
    frame = 'svg:width="20cm" svg:height="10cm" svg:x="1cm" svg:y="1cm"'
    body = "".join(
        f'<draw:page draw:name="p{number}"><draw:frame {frame}><draw:text-box>{_texts([sentence])}'
        "</draw:text-box></draw:frame></draw:page>"
        for number, sentence in enumerate(own)
    )
    return Content(_open_document("presentation", body), own)


def rich_text(prose: Prose, _number: int) -> Content:
    """RTF."""
    own = prose.sentences(6, 20)
    body = "".join(rf"\pard {paragraph}\par" + "\n" for paragraph in paragraphs(own))
    return Content((r"{\rtf1\ansi\deff0{\fonttbl{\f0 Times;}}" + body + "}").encode(), own)


def book(prose: Prose, number: int) -> Content:
    """An EPUB of two chapters."""
    own = prose.sentences(8, 40)
    half = len(own) // 2
    chapters = {"one.xhtml": own[:half], "two.xhtml": own[half:]}
    items = "".join(
        f'<item id="{n[:3]}" href="{n}" media-type="application/xhtml+xml"/>' for n in chapters
    )
    spine = "".join(f'<itemref idref="{name[:3]}"/>' for name in chapters)
    package = (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Book {number}</dc:title>'
        f"</metadata><manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0">'
        '<rootfiles><rootfile full-path="book.opf" '
        'media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    entries = {"META-INF/container.xml": container, "book.opf": package}
    entries |= {name: _chapter(sentences) for name, sentences in chapters.items()}
    return Content(_container("application/epub+zip", entries), own)


def _chapter(sentences: tuple[str, ...]) -> str:
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs(sentences[1:]))
    return (
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>c</title></head><body>'
        f"<h1>{sentences[0]}</h1>{body}</body></html>"
    )


def _texts(lines: list[str]) -> str:
    return "".join(f"<text:p>{escape(line)}</text:p>" for line in lines)


def _open_document(kind: str, body: str) -> bytes:
    names = "".join(
        f' xmlns:{name}="{_NAMES}:{urn}:1.0"'
        for name, urn in (
            ("office", "office"),
            ("text", "text"),
            ("table", "table"),
            ("draw", "drawing"),
            ("svg", "svg-compatible"),
        )
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content{names} '
        f'office:version="1.2"><office:body><office:{kind}>{body}</office:{kind}></office:body>'
        "</office:document-content>"
    )
    media = f"{_MEDIA}.{kind}"
    manifest = (
        f'<manifest:manifest xmlns:manifest="{_NAMES}:manifest:1.0" manifest:version="1.2">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{media}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
        "</manifest:manifest>"
    )
    return _container(media, {"META-INF/manifest.xml": manifest, "content.xml": content})


def _container(media_type: str, entries: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr("mimetype", media_type, ZIP_STORED)
        for name, text in entries.items():
            archive.writestr(name, text, ZIP_DEFLATED)
    return file.getvalue()


class _Savable(Protocol):
    def save(self, file: BinaryIO) -> None: ...


def _saved(document: _Savable, own: tuple[str, ...]) -> Content:
    file = io.BytesIO()
    document.save(file)
    return Content(file.getvalue(), own)
