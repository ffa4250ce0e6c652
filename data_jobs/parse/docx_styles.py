"""What a paragraph of a Word document is: heading, list item or text."""

from dataclasses import dataclass

from lxml import etree

from data_jobs.parse.docx_text import WORD

_DEEPEST_STYLE = 12
_DEEPEST_LIST = 8
_BODY_LEVEL = 9


@dataclass(frozen=True, slots=True)
class Role:
    """`level` is that of a heading (0: none), `depth` that of a list item (None: none)."""

    level: int = 0
    depth: int | None = None
    ordered: bool = False


class Roles:
    """Tells the role of each paragraph from its own properties and its style.

    `styles` and `numbering` are the roots of the parts of these names, where the
    document has them.
    """

    def __init__(self, styles: etree._Element | None, numbering: etree._Element | None) -> None:
        found = () if styles is None else styles.iter(WORD + "style")
        self._styles = {style.get(WORD + "styleId", ""): style for style in found}
        self._formats = {} if numbering is None else _number_formats(numbering)

    def of(self, paragraph: etree._Element) -> Role:
        """Return the role of a ``w:p`` element."""
        chain = [paragraph, *self._chain(_value(paragraph, "pPr", "pStyle"))]
        names = [_value(style, "name").lower() for style in chain[1:]]
        if "title" in names:
            return Role(level=1)
        if level := _heading_level(chain, names):
            return Role(level=level)
        return self._list_role(chain, names)

    def _chain(self, style_id: str) -> list[etree._Element]:
        """The style and the styles that it is based on."""
        chain: list[etree._Element] = []
        while (style := self._styles.get(style_id)) is not None and len(chain) < _DEEPEST_STYLE:
            chain.append(style)
            style_id = _value(style, "basedOn")
        return chain

    def _list_role(self, chain: list[etree._Element], names: list[str]) -> Role:
        number = _nearest(chain, "numPr", "numId")
        named = next((name for name in names if name.startswith(("list bullet", "list num"))), "")
        if number in ("", "0") and not named:
            return Role()
        depth = min(_integer(_nearest(chain, "numPr", "ilvl"), 0), _DEEPEST_LIST)
        number_format = self._formats.get((number, depth), "decimal" if "num" in named else "")
        return Role(depth=depth, ordered=number_format not in ("", "bullet", "none"))


def _heading_level(chain: list[etree._Element], names: list[str]) -> int:
    for name in names:
        word, _, number = name.partition(" ")
        if word == "heading" and number.isdecimal():
            return int(number)
    level = _integer(_nearest(chain, "outlineLvl"), _BODY_LEVEL)
    return level + 1 if level < _BODY_LEVEL else 0


def _number_formats(numbering: etree._Element) -> dict[tuple[str, int], str]:
    """Map a list and a depth in it to the name of its number format."""
    abstract = {
        definition.get(WORD + "abstractNumId", ""): {
            _integer(level.get(WORD + "ilvl"), 0): _value(level, "numFmt")
            for level in definition.iter(WORD + "lvl")
        }
        for definition in numbering.iter(WORD + "abstractNum")
    }
    return {
        (number.get(WORD + "numId", ""), depth): form
        for number in numbering.iter(WORD + "num")
        for depth, form in abstract.get(_value(number, "abstractNumId"), {}).items()
    }


def _nearest(chain: list[etree._Element], *path: str) -> str:
    """The value of a paragraph property where it is set first, or nothing."""
    return next(filter(None, (_value(element, "pPr", *path) for element in chain)), "")


def _value(element: etree._Element, *path: str) -> str:
    found = element.find("/".join(WORD + name for name in path))
    return "" if found is None else str(found.get(WORD + "val", ""))


def _integer(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 9 else default
