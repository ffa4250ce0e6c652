"""HTML of any quality to a tree."""

import lxml.html
from lxml import etree

from data_jobs.errors import EmptyDocumentError, LimitExceededError
from data_jobs.parse.characters import clean_text


def parse_html(text: str) -> etree._Element:
    """Return the root of a page; raises `EmptyDocumentError` if it holds nothing."""
    # lxml bounds the depth to 2,048 even so; without it, long texts are lost.
    parser = lxml.html.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True
    )
    try:
        root = lxml.html.document_fromstring(clean_text(text).encode(), parser=parser)
    except etree.ParserError as error:
        raise EmptyDocumentError("The page holds no text.") from error
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise LimitExceededError("The elements of the page are nested too deeply to be read.")
    return root
