"""What stands in a page."""

import json
from typing import Any

from lxml import html


def parsed(page: str) -> Any:
    """Return the page as a tree."""
    return html.document_fromstring(page)


def text_of(element: Any) -> str:
    """Return the text of an element with single spaces."""
    return " ".join(element.text_content().split())


def data_in(page: str) -> dict[str, Any]:
    """Return what the page's script reads."""
    (found,) = parsed(page).xpath("//script[@type='application/json']/text()")
    data: dict[str, Any] = json.loads(found)
    return data
