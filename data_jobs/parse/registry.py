"""Which parser reads what, and how a file goes through it. Parsers are imported on first use."""

import importlib
from pathlib import Path
from typing import NamedTuple, cast

from data_jobs.errors import (
    EmptyDocumentError,
    IngestError,
    LimitExceededError,
    SetAsideError,
    UnreadableFileError,
    UnsupportedTypeError,
)
from data_jobs.parse import media_types as types
from data_jobs.parse.base import ParsedDocument, ParseLimits, Parser
from data_jobs.parse.characters import clean_text, one_line
from data_jobs.parse.detect import detect_media_type
from data_jobs.parse.options import ParseOptions


class Entry(NamedTuple):
    """Where a parser is, what it reads, and whether that takes long."""

    module: str
    parser: str
    media_types: frozenset[str]
    slow: bool = False


def _entry(name: str, parser: str, *media_types: str, slow: bool = False) -> Entry:
    return Entry(f"data_jobs.parse.{name}", parser, frozenset(media_types), slow)


PARSERS = {
    "pdf": _entry("pdf", "PdfParser", types.PDF),
    "docx": _entry("docx", "DocxParser", types.DOCX),
    "pptx": _entry("pptx", "PptxParser", types.PPTX),
    "xlsx": _entry("xlsx", "XlsxParser", types.XLSX),
    "html": _entry("html", "HtmlParser", types.HTML, types.XHTML),
    "xml": _entry("xml", "XmlParser", types.XML, types.SVG),
    "markdown": _entry("markdown", "MarkdownParser", types.MARKDOWN),
    "text": _entry("text", "TextParser", types.PLAIN),
    "mail": _entry("mail", "MailParser", types.MAIL),
    "epub": _entry("epub", "EpubParser", types.EPUB),
    "tabular": _entry("tabular", "TabularParser", types.CSV, types.TSV, types.JSON, types.NDJSON),
    "captions": _entry("captions", "CaptionsParser", types.VTT, types.SRT),
    "json3": _entry("json3", "Json3Parser", types.JSON3),
    "recording": _entry("recording", "RecordingParser", *types.RECORDINGS, slow=True),
    "code": _entry("code", "CodeParser", types.CODE, types.PYTHON),
    "notebook": _entry("notebook", "NotebookParser", types.NOTEBOOK),
    "outlook": _entry("outlook", "OutlookParser", types.OUTLOOK_MESSAGE),
    "image": _entry("image", "ImageParser", *types.IMAGES, slow=True),
    "office": _entry("office_convert", "OfficeParser", *types.LEGACY_OFFICE, slow=True),
    "mailbox": _entry("mailboxes", "MailboxParser", types.MBOX, slow=True),
    "zip": _entry("archives", "ZipParser", types.ZIP, slow=True),
    "tar": _entry("tars", "TarParser", types.TAR, types.GZIP, types.BZIP2, types.XZ, slow=True),
}
_ADVICE = {
    "audio": "Convert it to MP3, or add its captions as a VTT or SRT file.",
    "video": "Convert it to MP4, or add its captions as a VTT or SRT file.",
    types.EXECUTABLE: "It is a program, not a document.",
}


def supported_media_types() -> frozenset[str]:
    """Return the types that can be read, those with programs that are missing here too."""
    return frozenset[str]().union(*(entry.media_types for entry in PARSERS.values()))


def parser_for(media_type: str) -> Parser:
    """Return the parser of `media_type`; raises `UnsupportedTypeError` if there is none."""
    return _load(_entry_for(media_type))


def _load(entry: Entry) -> Parser:
    return cast("Parser", getattr(importlib.import_module(entry.module), entry.parser)())


def _entry_for(media_type: str, options: ParseOptions = ParseOptions()) -> Entry:
    name = media_type.partition(";")[0].strip().lower()
    if options.office.as_pdf and name in types.MODERN_OFFICE:
        return PARSERS["office"]
    for entry in PARSERS.values():
        if name in entry.media_types:
            return entry
    advice = _ADVICE.get(name) or _ADVICE.get(name.partition("/")[0], "Convert it to PDF or text.")
    raise UnsupportedTypeError(f"No parser reads files of type {name}. {advice}")


def parse_file(
    path: Path,
    limits: ParseLimits = ParseLimits(),
) -> tuple[str, ParsedDocument]:
    """Return the media type of a file, told from its content, and its text.

    Raises nothing but `IngestError`, whose message is a sentence for the ledger.
    Time and memory are for the caller to limit.
    """
    try:
        size = path.stat().st_size
        if size > limits.max_file_bytes:
            raise LimitExceededError(
                f"The file has {size} bytes; the limit is {limits.max_file_bytes}. "
                "Split it, or raise the limit on file size."
            )
        if size == 0:
            raise EmptyDocumentError("The file is empty.")
        media_type = detect_media_type(path)
    except OSError as error:
        raise UnreadableFileError(f"The file cannot be read: {error.strerror}.") from error
    return media_type, parse_as(path, media_type, limits)


def parse_as(path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
    """Return the text of a file that is known to be `media_type`; raises `IngestError`."""
    if media_type == types.ENCRYPTED:
        raise UnreadableFileError("The file is encrypted. Save it without a password.")
    entry = _entry_for(media_type, limits.options)
    if entry.slow and not limits.slow:
        raise SetAsideError(f"files of type {media_type} take long to read")
    parser = _load(entry)
    try:
        document = parser.parse(path, media_type, limits)
    except IngestError:
        raise
    except MemoryError as error:
        raise LimitExceededError("The file needs more memory than is allowed.") from error
    except RecursionError as error:
        raise UnreadableFileError("The file is nested too deeply to be read.") from error
    except Exception as error:
        detail = one_line(clean_text(f"{type(error).__name__}: {error}"))[:300]
        raise UnreadableFileError(
            f"The {parser.name} parser cannot read the file. It may be damaged: open it in the "
            f"program that it comes from, and save it anew. (In detail: {detail})"
        ) from error
    _check(document, limits)
    return document


def _check(document: ParsedDocument, limits: ParseLimits) -> None:
    if document.pages > limits.max_pages:
        raise LimitExceededError(f"The document has more than {limits.max_pages} pages.")
    if sum(len(block.text) for block in document.blocks) > limits.max_characters:
        raise LimitExceededError(
            f"The document holds more than {limits.max_characters} characters of text."
        )
    has_text = any(any(map(str.isalnum, block.text)) for block in document.blocks)
    if not has_text and not document.attachments and not document.needs_speech:
        raise EmptyDocumentError("The file holds no text.")
