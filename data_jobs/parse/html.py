"""Web pages, with lxml and trafilatura."""

import re
from pathlib import Path

from lxml import etree

from data_jobs.parse import media_types
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.decode import decode_text
from data_jobs.parse.html_blocks import add_html
from data_jobs.parse.html_main import main_content
from data_jobs.parse.html_text import flat_text
from data_jobs.parse.html_tree import parse_html

_CHARSET = re.compile(rb"""<(?:meta|\?xml)[^>]*?(?:charset|encoding)\s*=\s*["']?([\w.:-]+)""", re.I)
_HEAD = 4_096
_METADATA = {
    "description": "description",
    "og:description": "description",
    "author": "author",
    "article:author": "author",
    "keywords": "keywords",
    "date": "created_at",
    "dcterms.date": "created_at",
    "article:published_time": "created_at",
    "article:modified_time": "modified_at",
    "og:site_name": "site",
}


class HtmlParser:
    """The main content of a page with its headings, lists, tables and code."""

    name = "html"
    media_types = frozenset({media_types.HTML, media_types.XHTML})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read a page; scripts, menus and banners are left out."""
        data = path.read_bytes()
        charset = _CHARSET.search(data[:_HEAD])
        root = parse_html(decode_text(data, charset and charset[1].decode("ascii", "replace")))
        title, metadata = _title(root), _metadata(root)
        builder = DocumentBuilder(limits)
        add_html(builder, main_content(root))
        return builder.build(title, metadata=metadata)


def _title(root: etree._Element) -> str | None:
    element = root.find(".//head/title")
    if element is not None and (title := flat_text(element)):
        return title
    named = root.find(".//meta[@property='og:title']")
    return None if named is None else named.get("content")


def _metadata(root: etree._Element) -> dict[str, str]:
    metadata: dict[str, str] = {"language": root.get("lang", "")}
    for element in root.iter("meta"):
        name = (element.get("name") or element.get("property") or "").lower()
        value = element.get("content", "").strip()
        if name in _METADATA and value:
            metadata.setdefault(_METADATA[name], value)
    for link in root.iter("link"):
        if link.get("rel") == "canonical":
            metadata.setdefault("url", link.get("href", ""))
    return metadata
