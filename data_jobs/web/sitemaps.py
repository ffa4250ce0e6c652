"""Pages that a sitemap (https://www.sitemaps.org/protocol.html) or a list names."""

import zlib
from collections.abc import Iterator

from data_jobs.errors import LimitExceededError, SourceError, UnreadableFileError
from data_jobs.parse.decode import decode_text

_GZIP = b"\x1f\x8b"
# What the protocol allows for one file, unpacked.
LARGEST = 52_428_800


def unpacked(data: bytes) -> bytes:
    """Return `data`, unpacked if it is gzip; raises `IngestError`."""
    if not data.startswith(_GZIP):
        return data
    engine = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        found = engine.decompress(data, LARGEST + 1)
    except zlib.error as error:
        raise UnreadableFileError(f"the sitemap cannot be unpacked: {error}") from error
    if len(found) > LARGEST:
        raise LimitExceededError(f"the sitemap unpacks to more than {LARGEST:,} bytes")
    if not engine.eof:
        raise UnreadableFileError("the sitemap is cut off")
    return found


def sitemap_urls(data: bytes) -> tuple[list[str], list[str]]:
    """Return the pages and the further sitemaps that a sitemap names; raises `IngestError`.

    A sitemap is XML, a feed of the same form, or one URL a line.
    """
    text = unpacked(data)
    if not text.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return list(listed_urls(text)), []
    from lxml import etree

    from data_jobs.parse.safe_xml import parse_xml

    root = parse_xml(text, "sitemap")
    kind = etree.QName(root).localname
    if kind not in ("urlset", "sitemapindex"):
        raise SourceError(f"a sitemap begins with urlset or sitemapindex, not {kind!r}")
    found = [(element.text or "").strip() for element in root.iterfind("{*}*/{*}loc")]
    return ([], found) if kind == "sitemapindex" else (found, [])


def listed_urls(data: bytes) -> Iterator[str]:
    """Yield the lines of a list of pages but for empty ones and comments (`#`)."""
    for line in decode_text(data).splitlines():
        text = line.strip()
        if text and not text.startswith("#"):
            yield text
