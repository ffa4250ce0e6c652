"""What a page says of itself: its own URL, and how its characters are written."""

import codecs
from email.message import Message
from pathlib import Path

from data_jobs.errors import SourceError
from data_jobs.web.urls import canonical_url, host_of, joined

_HEAD = 262_144
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HTML = ("text/html", "application/xhtml+xml")


def content_type(header: str) -> tuple[str, str | None]:
    """Return media type and charset of a Content-Type header."""
    message = Message()
    message["Content-Type"] = header or "application/octet-stream"
    return message.get_content_type(), message.get_content_charset()


def write_as_utf8(path: Path, charset: str) -> None:
    """Rewrite the text at `path` as UTF-8 with a mark, which counts more than what it says inside.

    A charset that is unknown, or does not fit the bytes, leaves it as it is.
    """
    data = path.read_bytes()
    if data.startswith(_MARKS):
        return
    try:
        text = data.decode("cp1252" if charset in ("iso-8859-1", "us-ascii") else charset)
    except (LookupError, ValueError):
        return
    path.write_bytes(codecs.BOM_UTF8 + text.encode("utf-8"))


def own_url(path: Path, url: str, media_type: str) -> str:
    """Return the URL that the HTML page at `path` gives as its canonical one, else `url`.

    Only one of the same host counts, so that no page can take another's place.
    """
    if media_type not in _HTML:
        return url
    with path.open("rb") as file:
        reference = _canonical_link(file.read(_HEAD))
    if not reference:
        return url
    try:
        found = canonical_url(joined(url, reference))
    except SourceError:
        return url
    same = host_of(found).partition("//")[2] == host_of(url).partition("//")[2]
    return found if same else url


def _canonical_link(head: bytes) -> str | None:
    import lxml.html
    from lxml import etree

    try:
        root = lxml.html.fromstring(head)
    except (etree.ParserError, ValueError):
        return None
    for link in root.iter("link"):
        if "canonical" in (link.get("rel") or "").lower().split():
            return link.get("href")
    return None
