"""The text below an HTML element, as a reader sees it."""

import re
from collections.abc import Iterator

from lxml import etree

HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
BLOCKS = frozenset(
    """address article aside blockquote body caption center dd details dialog div dl dt fieldset
    figcaption figure footer form header hgroup hr html li main nav ol optgroup p section summary
    table tbody td tfoot th thead tr ul""".split()  # noqa: SIM905
).union(HEADINGS, ("pre",))
# Code, controls and media: nothing of this is text of the document.
SILENT = frozenset(
    """area audio base button canvas datalist dialog embed head iframe input link map meta noembed
    noframes noscript object param progress script select source style svg template textarea title
    track video""".split()  # noqa: SIM905
)
_SPACE = re.compile(r"\s+")
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def is_silent(element: etree._Element) -> bool:
    """Return whether an element and all below it show no text."""
    return (
        element.tag in SILENT
        or element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or bool(_HIDDEN_STYLE.search(element.get("style", "")))
        or "headerlink" in element.get("class", "")
    )


def squeeze(text: str) -> str:
    """Return `text` with white space as browsers show it."""
    return _SPACE.sub(" ", text)


def flat_text(element: etree._Element, *, without: frozenset[str] = frozenset()) -> str:
    """Return all text below `element` on one line, leaving out the tags in `without`."""
    return squeeze("".join(_pieces(element, without))).strip()


def text_length(element: etree._Element) -> int:
    """Return about how many characters of text there are below `element`."""
    return sum(len(piece.strip()) for piece in _pieces(element, frozenset()))


def _pieces(element: etree._Element, without: frozenset[str]) -> Iterator[str]:
    walker = etree.iterwalk(element, events=("start", "end"))
    for event, child in walker:
        apart = child.tag in BLOCKS or child.tag == "br"
        if event == "start":
            if child is not element and (child.tag in without or is_silent(child)):
                walker.skip_subtree()
                continue
            yield " " if apart else ""
            yield child.text or ""
        elif child is not element:
            yield " " if apart else ""
            yield child.tail or ""
