"""The main content of a web page, without menus, banners and footers."""

import contextlib
import re

import lxml.html
from lxml import etree

from data_jobs.parse.html_text import HEADINGS, text_length
from data_jobs.parse.html_tree import parse_html

_MARGIN_TAGS = frozenset({"nav", "aside", "footer", "dialog", "menu"})
_MARGIN_ROLES = _MARGIN_TAGS | {
    "alertdialog",
    "banner",
    "complementary",
    "contentinfo",
    "menubar",
    "navigation",
    "search",
}
_MARGIN_NAMES = re.compile(
    r"(?:^|[\s_-])(?:breadcrumbs?|consent|cookies?|gdpr|newsletter|pagination|related|share|"
    r"sharing|sidebar|skip|social|subscribe)(?:[\s_-]|$)",
    re.IGNORECASE,
)
# The main content holds at least this share of the text; less was found by mistake.
_ENOUGH = 0.5
_LARGEST_MARGIN = 0.25
_MANY_LINKS = 0.2


def main_content(root: etree._Element) -> etree._Element:
    """Return the element that holds the main content; the margins of `root` are cut off.

    The page's own ``main`` or only ``article`` counts. Without one, a page full of
    links goes to trafilatura; if that finds little, all that is left is the content.
    """
    body = root.find("body")
    body = root if body is None else body
    _drop_margins(body)
    enough = _ENOUGH * text_length(body)
    landmark = _landmark(body)
    if landmark is not None and text_length(landmark) >= enough:
        return landmark
    links = sum(text_length(link) for link in body.iter("a"))
    found = _extract(root) if links > _MANY_LINKS * text_length(body) else None
    return found if found is not None and text_length(found) >= enough else body


def _landmark(body: etree._Element) -> etree._Element | None:
    mains = [element for element in body.iter() if _is_main(element)]
    articles = list(body.iter("article"))
    if mains:
        return max(mains, key=text_length)
    return articles[0] if len(articles) == 1 else None


def _is_main(element: etree._Element) -> bool:
    return element.tag == "main" or element.get("role") == "main"


def _extract(root: etree._Element) -> etree._Element | None:
    # Slow to import, and many pages do without.
    import trafilatura

    # Whatever it stumbles over in a stranger's page, there is a fallback.
    with contextlib.suppress(Exception):
        found = trafilatura.extract(
            lxml.html.tostring(root, encoding="unicode"),
            output_format="html",
            include_comments=False,
            include_tables=True,
            favor_recall=True,
        )
        return parse_html(found) if found else None
    return None


def _drop_margins(body: etree._Element) -> None:
    size = text_length(body)
    margins = [element for element in body.iter() if _is_margin(element)]
    for element in margins:
        landmark = next(element.iter("main", "article"), None)
        small = element is not body and text_length(element) <= _LARGEST_MARGIN * size
        if landmark is None and small and isinstance(element, lxml.html.HtmlElement):
            element.drop_tree()


def _is_margin(element: etree._Element) -> bool:
    if element.tag in _MARGIN_TAGS or element.get("role") in _MARGIN_ROLES:
        return True
    if element.tag == "header":
        return next(element.iter(*HEADINGS), None) is None
    return bool(_MARGIN_NAMES.search(f"{element.get('class', '')} {element.get('id', '')}"))
