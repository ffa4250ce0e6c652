"""Markdown with tables and front matter, with markdown-it."""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

import lxml.html
import lxml.html.defs
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.front_matter import front_matter_plugin

from data_jobs.errors import EmptyDocumentError
from data_jobs.parse import media_types
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.characters import clean_text
from data_jobs.parse.decode import decode_text
from data_jobs.parse.front_matter import read_front_matter
from data_jobs.parse.html_blocks import add_html
from data_jobs.parse.html_tree import parse_html

_RAW = re.compile(r"\s*<(script|style|textarea|!--)", re.IGNORECASE)
_ENDS = {"script": "</script>", "style": "</style>", "textarea": "</textarea>", "!--": "-->"}


class MarkdownParser:
    """Headings, paragraphs, lists, tables and code; front matter goes to the metadata."""

    name = "markdown"
    media_types = frozenset({media_types.MARKDOWN})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read a Markdown file by way of the HTML that it stands for."""
        markdown = _markdown()
        env: EnvType = {}
        tokens = markdown.parse(clean_text(decode_text(path.read_bytes())), env)
        builder = DocumentBuilder(limits)
        front = ""
        if tokens and tokens[0].type == "front_matter":
            front = tokens.pop(0).content
        metadata = read_front_matter(front)
        if metadata is None:
            # Not what it looks like: better as text than lost.
            builder.add(front)
        html = str(markdown.renderer.render(tokens, markdown.options, env))
        if html.strip():
            add_html(builder, parse_html(html))
        title = metadata.pop("title", None) if metadata else None
        return builder.build(None if title is None else str(title), metadata=metadata)


def add_markdown(builder: DocumentBuilder, text: str) -> None:
    """Append a piece of Markdown without front matter."""
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(clean_text(text))
    if not html.strip():
        return
    try:
        add_html(builder, parse_html(html))
    except EmptyDocumentError:
        return


def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"]).use(front_matter_plugin)
    markdown.add_render_rule("html_block", _html_block)
    markdown.add_render_rule("html_inline", _html_inline)
    return markdown


def _html_block(
    _: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    """Close what a block of HTML leaves open, so that it cannot swallow what follows."""
    content = tokens[index].content
    opened = _RAW.match(content)
    if opened and not re.search(_ENDS[opened[1].lower()], content, re.IGNORECASE):
        # By the standard it would hide all the rest of the file.
        return "".join(f"<p>{escape(part)}</p>" for part in content.split("\n\n"))
    try:
        root = parse_html(content)
    except EmptyDocumentError:
        return ""
    body = root.find("body")
    parts = () if body is None else body
    text = "" if body is None else escape(body.text or "")
    return text + "".join(str(lxml.html.tostring(part, encoding="unicode")) for part in parts)


def _html_inline(
    _: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    """Drop tags of HTML, and show what only looks like one."""
    text = tokens[index].content
    name = text.strip("</>").split(maxsplit=1)[0].lower() if text.strip("</> ") else ""
    if name.rstrip("/") == "br":
        return "<br>"
    return "" if name in lxml.html.defs.tags or text.startswith("<!") else escape(text)
