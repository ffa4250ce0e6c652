"""Source texts in Markdown, read into the blocks that the renderers lay out."""

from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

import yaml
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.front_matter import front_matter_plugin
from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; `level` 1 is the highest."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class ItemList:
    """A flat list, numbered or with bullets."""

    items: tuple[str, ...]
    ordered: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first row is its header."""

    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Notes:
    """A block quote: what the speaker says, and no slide shows."""

    text: str


@dataclass(frozen=True, slots=True)
class PageBreak:
    """A thematic break: what follows starts a new page."""


Block = Heading | Paragraph | ItemList | Table | Notes | PageBreak


class FrontMatter(BaseModel):
    """What the file says about itself in its document properties."""

    title: str
    author: str
    date: date

    @property
    def moment(self) -> datetime:
        """The date as a timestamp at noon, without time zone."""
        return datetime.combine(self.date, time(12))


@dataclass(frozen=True, slots=True)
class Article:
    """A source text with its properties."""

    front: FrontMatter
    blocks: tuple[Block, ...]


def read_article(path: Path) -> Article:
    """Read a Markdown source with YAML front matter.

    Raises `ValueError` for Markdown that no renderer lays out.
    """
    parser = MarkdownIt("commonmark").enable("table").use(front_matter_plugin)
    front, *body = SyntaxTreeNode(parser.parse(path.read_text(encoding="utf-8"))).children
    properties = FrontMatter.model_validate(yaml.safe_load(front.content))
    return Article(properties, tuple(_block(node) for node in body))


def _block(node: SyntaxTreeNode) -> Block:
    match node.type:
        case "heading":
            return Heading(int(node.tag[1:]), _text(node))
        case "paragraph":
            return Paragraph(_text(node))
        case "bullet_list" | "ordered_list":
            items = tuple(_text(item) for item in node.children)
            return ItemList(items, ordered=node.type == "ordered_list")
        case "table":
            rows = (row for part in node.children for row in part.children)
            return Table(tuple(tuple(_text(cell) for cell in row.children) for row in rows))
        case "blockquote":
            return Notes(_text(node))
        case "hr":
            return PageBreak()
    raise ValueError(f"a source text uses {node.type}, which no renderer lays out")


def _text(node: SyntaxTreeNode) -> str:
    """Join the text below `node`; a line end of the source becomes a space."""
    return " ".join(
        part.content.replace("\n", " ") for part in node.walk() if part.type == "inline"
    )
