"""Which parser reads what, and how a file goes through it. Parsers are imported on first use."""

import importlib
import importlib.util
from pathlib import Path
from typing import NamedTuple, cast

from data_jobs.errors import (
    EmptyDocumentError,
    IngestError,
    LimitExceededError,
    UnreadableFileError,
    UnsupportedTypeError,
)
from data_jobs.parse import media_types as types
from data_jobs.parse.base import ParsedDocument, ParseLimits, Parser
from data_jobs.parse.characters import clean_text, one_line
from data_jobs.parse.detect import detect_media_type


class Entry(NamedTuple):
    """Where a parser is, and what it reads."""

    module: str
    parser: str
    media_types: frozenset[str]


def _entry(name: str, parser: str, *media_types: str) -> Entry:
    return Entry(f"data_jobs.parse.{name}", parser, frozenset(media_types))


PARSERS = {
    "pdf": _entry("pdf", "PdfParser", types.PDF),
    "docx": _entry("docx", "DocxParser", types.DOCX),
    "pptx": _entry("pptx", "PptxParser", types.PPTX),
    "xlsx": _entry("xlsx", "XlsxParser", types.XLSX),
    "html": _entry("html", "HtmlParser", types.HTML, types.XHTML),
    "markdown": _entry("markdown", "MarkdownParser", types.MARKDOWN),
    "text": _entry("text", "TextParser", types.PLAIN),
    "mail": _entry("mail", "MailParser", types.MAIL),
    "epub": _entry("epub", "EpubParser", types.EPUB),
    "tabular": _entry("tabular", "TabularParser", types.CSV, types.TSV, types.JSON, types.NDJSON),
    "captions": _entry("captions", "CaptionsParser", types.VTT, types.SRT),
    "json3": _entry("json3", "Json3Parser", types.JSON3),
    "recording": _entry("recording", "RecordingParser", *types.RECORDINGS),
    "unstructured": _entry(
        "unstructured",
        "UnstructuredParser",
        types.RTF,
        types.ODT,
        types.DOC,
        types.PPT,
        types.XLS,
        types.OUTLOOK_MESSAGE,
    ),
}
_OPTIONAL = "unstructured"
_ADVICE = {
    "image": "Pictures have to go through OCR first.",
    "audio": "Convert it to MP3, or add its captions as a VTT or SRT file.",
    "video": "Convert it to MP4, or add its captions as a VTT or SRT file.",
    types.ZIP: "Unpack it and add the files.",
    types.MBOX: "Save its messages as EML files.",
}


def supported_media_types() -> frozenset[str]:
    """Return the types that can be read here, with the packages that are installed."""
    installed = importlib.util.find_spec(_OPTIONAL) is not None
    entries = (entry for name, entry in PARSERS.items() if installed or name != _OPTIONAL)
    return frozenset[str]().union(*(entry.media_types for entry in entries))


def parser_for(media_type: str) -> Parser:
    """Return the parser of `media_type`; raises `UnsupportedTypeError` if there is none."""
    name = media_type.partition(";")[0].strip().lower()
    for entry in PARSERS.values():
        if name in entry.media_types:
            return cast("Parser", getattr(importlib.import_module(entry.module), entry.parser)())
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
    parser = parser_for(media_type)
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
            f"The {parser.name} parser cannot read the file. It may be damaged ({detail})."
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
