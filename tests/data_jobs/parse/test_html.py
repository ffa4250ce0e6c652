"""Web pages: structure, main content, encodings, hostile nesting."""

from collections.abc import Callable

import pytest

from data_jobs.errors import EmptyDocumentError, LimitExceededError
from data_jobs.parse.base import ParsedDocument

Parse = Callable[[str], ParsedDocument]


@pytest.fixture
def parse_html(parse_bytes: Callable[[bytes, str], ParsedDocument]) -> Parse:
    """Parse a page."""
    return lambda text: parse_bytes(text.encode(), "text/html")


def outline(document: ParsedDocument) -> list[tuple[str, int, str]]:
    return [(block.kind, block.level, block.text) for block in document.blocks]


def test_structure(parse_html: Parse) -> None:
    document = parse_html(
        "<h1>Top</h1><p>One <b>bold</b>\n word<br>next line</p><h3>Deep</h3>"
        "<ol start=3><li>three<ul><li>inner</li></ul></li><li>four</li></ol>"
        "<blockquote><p>Said</p></blockquote><pre>a\n  b</pre><dl><dt>Term</dt><dd>Means</dd></dl>"
    )
    assert outline(document) == [
        ("heading", 1, "Top"),
        ("paragraph", 0, "One bold word\nnext line"),
        ("heading", 3, "Deep"),
        ("list", 0, "3. three\n  - inner\n4. four"),
        ("paragraph", 0, "Said"),
        ("code", 0, "a\n  b"),
        ("paragraph", 0, "Term"),
        ("paragraph", 0, "Means"),
    ]


def test_spans_of_cells(parse_html: Parse) -> None:
    document = parse_html(
        "<table><caption>Gains</caption><tr><th>a<th>b<th>c<tr><td rowspan=2>x<td colspan=2>y"
        "<tr><td>z<td>w</table>"
    )
    assert document.blocks[-1].text.split("\n")[2:] == ["| x | y |  |", "|  | z | w |"]


def test_layout_tables_are_no_tables(parse_html: Parse) -> None:
    document = parse_html(
        "<table><tr><td><h1>News</h1><p>Hello</p></td></tr><tr><td>"
        "<table><tr><td>k<td>v<tr><td>1<td>2</table></td></tr></table>"
    )
    assert [kind for kind, _, _ in outline(document)] == ["heading", "paragraph", "table"]


def test_scripts_styles_and_hidden_text_are_left_out(parse_html: Parse) -> None:
    document = parse_html(
        "<p>shown</p><script>one()</script><style>p{}</style><template>two</template>"
        "<p hidden>three</p><p style='display: none'>four</p><div aria-hidden=true>five</div>"
        "<noscript>six</noscript><svg><text>seven</text></svg><button>eight</button>"
    )
    assert [block.text for block in document.blocks] == ["shown"]


ARTICLE = "".join(
    f"<p>Paragraph {i} tells at length how the preamp was tuned in the studio that day, "
    "what was heard, and why the gain was lowered in the end.</p>"
    for i in range(8)
)
MENU = "".join(f"<li><a href='/{i}'>Menu entry {i} of the site</a></li>" for i in range(30))


@pytest.mark.parametrize(
    "page",
    [
        f"<nav><ul>{MENU}</ul></nav><main><h1>Story</h1>{ARTICLE}</main><footer>Legal</footer>",
        f"<header><a href=/>Site</a></header><article><h1>Story</h1>{ARTICLE}</article>",
        f"<div><ul>{MENU}</ul></div><div class=post><h1>Story</h1>{ARTICLE}</div>",
        f"<div class=cookie-banner>We use cookies</div><h1>Story</h1>{ARTICLE}",
        f"<div role=navigation>{MENU}</div><div role=main><h1>Story</h1>{ARTICLE}</div>",
    ],
)
def test_main_content(parse_html: Parse, page: str) -> None:
    document = parse_html(f"<html><head><title>t</title></head><body>{page}</body></html>")
    texts = [block.text for block in document.blocks]
    assert texts[0] == "Story"
    assert [text[:11] for text in texts[1:]] == [f"Paragraph {i}" for i in range(8)]


def test_page_of_links_is_not_emptied(parse_html: Parse) -> None:
    document = parse_html(f"<body><h1>Index</h1><ul>{MENU}</ul></body>")
    assert document.blocks[-1].text.count("Menu entry") == 30


def test_title_and_metadata(parse_html: Parse) -> None:
    document = parse_html(
        "<html lang=de><head><title> A\n title </title><meta name=author content=Ada>"
        "<meta property='og:site_name' content=Site><link rel=canonical href='https://x.example/'>"
        "<meta name=keywords content=''></head><body><p>x</p></body></html>"
    )
    assert document.title == "A title"
    assert document.metadata == {
        "language": "de",
        "author": "Ada",
        "site": "Site",
        "url": "https://x.example/",
    }


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1251", "shift_jis", "utf-16"])
def test_declared_encoding(
    parse_bytes: Callable[[bytes, str], ParsedDocument], encoding: str
) -> None:
    text = {"windows-1251": "Привет", "shift_jis": "スタジオ"}.get(encoding, "Grüße")
    page = f"<meta charset='{encoding}'><p>{text}</p>".encode(encoding)
    assert parse_bytes(page, "text/html").blocks[0].text == text


def test_deep_nesting_is_read_or_refused(parse_html: Parse) -> None:
    assert parse_html("<div>" * 1_500 + "deep").blocks[0].text == "deep"
    with pytest.raises(LimitExceededError, match="nested"):
        parse_html("<div>" * 50_000 + "too deep")


def test_huge_text_is_kept(parse_html: Parse) -> None:
    # libxml2 drops texts of more than ten million bytes unless it is told not to.
    assert len(parse_html("<p>" + "x" * 10_500_000).blocks[0].text) == 10_500_000


@pytest.mark.parametrize("page", ["", "<!-- nothing -->", "<script>only()</script>"])
def test_page_without_text(parse_html: Parse, page: str) -> None:
    with pytest.raises(EmptyDocumentError):
        parse_html(page)
