"""Markdown: blocks, front matter, and HTML inside."""

from collections.abc import Callable

import pytest

from data_jobs.parse.base import ParsedDocument

Parse = Callable[[str], ParsedDocument]


@pytest.fixture
def parse_markdown(parse_bytes: Callable[[bytes, str], ParsedDocument]) -> Parse:
    """Parse Markdown."""
    return lambda text: parse_bytes(text.encode(), "text/markdown")


def test_blocks(parse_markdown: Parse) -> None:
    document = parse_markdown(
        "# One\n\nSoft\nbreak with [link](http://x.example) and `code`.\n\n"
        "1. a\n2. b\n   - c\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n```py\nif a:\n    b\n```\n\n"
        "> quoted\n\nTwo\n---\n"
    )
    assert [(block.kind, block.level, block.text) for block in document.blocks] == [
        ("heading", 1, "One"),
        ("paragraph", 0, "Soft break with link and code."),
        ("list", 0, "1. a\n2. b\n  - c"),
        ("table", 0, "| x | y |\n| --- | --- |\n| 1 | 2 |"),
        ("code", 0, "if a:\n    b"),
        ("paragraph", 0, "quoted"),
        ("heading", 2, "Two"),
    ]
    assert document.title == "One"


def test_front_matter_is_metadata(parse_markdown: Parse) -> None:
    document = parse_markdown(
        "---\ntitle: Notes\ndate: 2026-05-01\ntags: [a, 2]\nnested: {x: 1}\nn: 3\n---\ntext"
    )
    assert document.title == "Notes"
    assert document.metadata == {"date": "2026-05-01", "tags": ["a", "2"], "n": 3}
    assert [block.text for block in document.blocks] == ["text"]


@pytest.mark.parametrize("front", ["a: [1", "just words", "- a\n- b", "x: &x [*x, *x]"])
def test_front_matter_that_is_none_is_kept_or_ignored(parse_markdown: Parse, front: str) -> None:
    document = parse_markdown(f"---\n{front}\n---\nThe text.")
    assert document.blocks[-1].text == "The text."


def test_html_inside_is_text_and_cannot_swallow_the_rest(parse_markdown: Parse) -> None:
    document = parse_markdown(
        "<div align=center>\n\n# Kept\n\nuse the <title> tag, a List<String>, line<br>break"
        "\n\n</div>\n\n<p>raw <b>html</b></p>\n\n<script>never = 'closed'\n\nend"
    )
    assert [block.text for block in document.blocks] == [
        "Kept",
        "use the tag, a List<String>, line\nbreak",
        "raw html",
        "<script>never = 'closed'",
        "end",
    ]
