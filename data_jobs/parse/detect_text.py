"""The kind of a text, told from the text itself."""

import csv
import json
import re

from data_jobs.parse import media_types
from data_jobs.parse.delimiters import sniff_delimiter
from data_jobs.parse.languages import language_of

_TABLE_EXTENSIONS = {".csv": media_types.CSV, ".tsv": media_types.TSV, ".tab": media_types.TSV}
_MARKDOWN_EXTENSIONS = frozenset({".md", ".markdown", ".mdown", ".mkd", ".mdx"})

_SRT = re.compile(r"(?:\d+\s*\n)?\s*\d+:\d{1,2}:\d{1,2}[,.]\d{1,3}\s*-->\s*\d+:\d{1,2}:\d{1,2}[,.]")
_PROLOGUE = re.compile(r"(?:\s+|<\?xml[^>]*\?>|<!--.*?-->)*", re.DOTALL)
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body|title|meta|frameset)\b", re.IGNORECASE)
_HTML_PART = re.compile(
    r"<(?:div|p|h[1-6]|table|[uod]l|section|article|main|header|nav|style|script|link|base|span|"
    r"br|hr|img|a|b|i|em|strong|font|center|form|blockquote|pre)(?:\s[^>]*)?/?>",
    re.IGNORECASE,
)
_XML_ROOT = re.compile(r"<(?:!DOCTYPE\s+)?(?:[\w.-]+:)?([\w.-]+)")
_JSON_START = re.compile(r"[\[{]\s*(?:[\"\[{\]}\d-]|true\b|false\b|null\b|\Z)")
_JSON3 = re.compile(r"\{\s*\"(?:wireMagic\"\s*:\s*\"pb3\"|events\"\s*:\s*\[\s*\{\s*\"tStartMs\")")
_NOTEBOOK = re.compile(r'"nbformat(?:_minor)?"\s*:|"cell_type"\s*:')
_HEADER_LINE = re.compile(r"([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*(?:\n[ \t]+\S.*)*)\n")
_MAIL_HEADERS = frozenset(
    """from to cc subject date message-id received return-path mime-version content-type
    delivered-to reply-to sender dkim-signature""".split()  # noqa: SIM905
)
_MAIL_ORIGIN = frozenset({"from", "received", "return-path", "message-id"})
_MARKDOWN_SIGNS = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"^#{1,6}[ \t]+\S",
        r"^(?:```|~~~)",
        r"\[[^\]\n]+\]\([^)\s]+\)",
        r"^\s*\|?\s*:?-{3,}:?\s*\|",
        r"\A---\n(?:[\w-]+:.*\n)+---\n",
        r"^\S.*\n(?:={3,}|-{3,})$",
        r"\*\*\S[^*\n]*\*\*",
    )
)
_LONGEST_CELL = 60


def detect_text(text: str, *, complete: bool, extension: str = "") -> str:
    """Return the media type of `text`; `complete` tells that it is all of the file."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    start = text.lstrip()
    return (
        _detect_by_start(start)
        or _detect_markup(start, extension)
        or _detect_json(start, complete)
        or _detect_mail(start)
        or _detect_code(text, extension)
        or _detect_table(text if complete else text.rpartition("\n")[0], extension)
        or (media_types.MARKDOWN if _is_markdown(text, extension) else media_types.PLAIN)
    )


def _detect_by_start(start: str) -> str | None:
    if re.match(r"WEBVTT(?:\s|\Z)", start):
        return media_types.VTT
    if start.startswith("{\\rtf"):
        return media_types.RTF
    if start.startswith("%!PS"):
        return media_types.POSTSCRIPT
    return media_types.SRT if _SRT.match(start) else None


def _detect_markup(start: str, extension: str) -> str | None:
    prologue = _PROLOGUE.match(start)
    rest = start[prologue.end() :] if prologue else start
    if start.startswith("<?xml") or rest.startswith("<!DOCTYPE"):
        root = _XML_ROOT.match(re.sub(r"<!DOCTYPE[^>\[]*(?:\[.*?\])?\s*>\s*", "", rest, count=1))
        name = root[1].lower() if root else ""
        if name != "html" and start.startswith("<?xml"):
            return media_types.SVG if name == "svg" else media_types.XML
        if name == "html" and start.startswith("<?xml"):
            return media_types.XHTML
    if _HTML.match(rest):
        return media_types.HTML
    if rest.startswith("<svg"):
        return media_types.SVG
    fragment = _HTML_PART.match(rest) and ("</" in rest or len(_HTML_PART.findall(rest)) > 1)
    return media_types.HTML if fragment and not _is_markdown(rest, extension) else None


def _detect_json(start: str, complete: bool) -> str | None:
    if not _JSON_START.match(start):
        return None
    if _JSON3.match(start):
        return media_types.JSON3
    lines = [line for line in start.split("\n") if line.strip()]
    if _NOTEBOOK.search(start) and '"cells"' in start:
        return media_types.NOTEBOOK
    whole = lines if complete else lines[:-1]
    if len(whole) > 1 and all(_is_json(line) for line in whole[:5]):
        return media_types.NDJSON
    if not complete and len(lines) == 2 and _is_json(lines[0]):
        return media_types.NDJSON
    return media_types.JSON if _is_json(start, cut=not complete) else None


def _detect_code(text: str, extension: str) -> str | None:
    language = language_of(text, extension)
    if language is None:
        return None
    return media_types.PYTHON if language == "python" else media_types.CODE


def _is_json(text: str, *, cut: bool = False) -> bool:
    try:
        json.loads(text)
    except RecursionError:
        return True
    except json.JSONDecodeError as error:
        # Of a cut-off text, all but the end must be right.
        return cut and error.pos > len(text) // 2
    except ValueError:
        return False
    return True


def _detect_mail(start: str) -> str | None:
    mbox = start.startswith("From ")
    at = start.find("\n") + 1 if mbox else 0
    names: set[str] = set()
    while header := _HEADER_LINE.match(start, at):
        names.add(header[1].lower())
        at = header.end()
    if len(names & _MAIL_HEADERS) < 2 or not names & _MAIL_ORIGIN:
        return None
    return media_types.MBOX if mbox else media_types.MAIL


def _detect_table(text: str, extension: str) -> str | None:
    named = _TABLE_EXTENSIONS.get(extension)
    delimiter = sniff_delimiter(text)
    if delimiter is None:
        # A single column looks like plain text; only its name tells.
        return named if not any(mark in text for mark in ",;\t") else None
    if named is None and not _is_table(text, delimiter):
        return None
    return media_types.TSV if delimiter == "\t" else media_types.CSV


def _is_table(text: str, delimiter: str) -> bool:
    """Whether rows are rows of cells, not sentences with commas, nor Markdown."""
    lines = [line for line in text.split("\n")[:50] if line.strip()]
    if len(lines) < 3 or any(sign.search(text) for sign in _MARKDOWN_SIGNS[1:4]):
        return False
    try:
        cells = [cell for row in csv.reader(lines, delimiter=delimiter) for cell in row]
    except csv.Error:
        return False
    spaced = sum(cell.startswith(" ") for cell in cells)
    ended = sum(line.rstrip().endswith((".", "!", "?", ",", ";")) for line in lines)
    short = sum(map(len, cells)) <= _LONGEST_CELL * len(cells)
    return short and spaced <= 0.3 * len(cells) and ended <= 0.3 * len(lines)


def _is_markdown(text: str, extension: str) -> bool:
    if extension in _MARKDOWN_EXTENSIONS:
        return True
    signs = sum(bool(sign.search(text)) for sign in _MARKDOWN_SIGNS)
    # Comments in source code look like headings.
    return signs >= (2 if extension in ("", ".txt") else 3)
