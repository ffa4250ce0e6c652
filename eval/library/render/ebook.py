"""Articles as EPUB 3 books, one chapter for each heading of level 1."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from eval.library.render import blocks
from eval.library.render.stable_zip import pack

CONTAINER = """<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="book/content.opf" media-type="application/oebps-package+xml"/>
</rootfiles></container>
"""
PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="en">
<head><title>{title}</title></head>
<body>
{body}
</body>
</html>
"""
PACKAGE = """<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">{identifier}</dc:identifier><dc:title>{title}</dc:title>
<dc:creator>{author}</dc:creator><dc:language>en</dc:language><dc:date>{date}</dc:date>
<meta property="dcterms:modified">{date}T12:00:00Z</meta>
</metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
{items}
</manifest>
<spine>{spine}</spine>
</package>
"""


@dataclass(slots=True)
class Chapter:
    """A chapter with its paragraphs as XHTML."""

    title: str
    body: list[str] = field(default_factory=list)


def render_epub(source: Path) -> bytes:
    """Render a Markdown source; `source`'s name is the book's identifier."""
    article = blocks.read_article(source)
    return pack(_members(article.front, _chapters(article.blocks), source.name.split(".")[0]))


def _chapters(content: tuple[blocks.Block, ...]) -> list[Chapter]:
    chapters: list[Chapter] = []
    for block in content:
        if isinstance(block, blocks.Heading) and block.level == 1:
            chapters.append(Chapter(block.text))
        elif isinstance(block, blocks.Paragraph) and chapters:
            chapters[-1].body.append(f"<p>{escape(block.text)}</p>")
        else:
            raise ValueError(f"a book has no place for {type(block).__name__} here")
    return chapters


def _members(
    front: blocks.FrontMatter, chapters: list[Chapter], identifier: str
) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the container; the media type must come first."""
    yield "mimetype", b"application/epub+zip"
    yield "META-INF/container.xml", CONTAINER.encode()
    yield "book/content.opf", _package(front, len(chapters), identifier).encode()
    yield "book/nav.xhtml", _navigation(front.title, chapters).encode()
    for number, chapter in enumerate(chapters, start=1):
        title = escape(chapter.title)
        body = "\n".join([f"<h1>{title}</h1>", *chapter.body])
        yield f"book/chapter-{number}.xhtml", PAGE.format(title=title, body=body).encode()


def _package(front: blocks.FrontMatter, chapters: int, identifier: str) -> str:
    numbers = range(1, chapters + 1)
    item = '<item id="c{0}" href="chapter-{0}.xhtml" media-type="application/xhtml+xml"/>'
    return PACKAGE.format(
        identifier=escape(identifier),
        title=escape(front.title),
        author=escape(front.author),
        date=front.date.isoformat(),
        items="\n".join(item.format(number) for number in numbers),
        spine="".join(f'<itemref idref="c{number}"/>' for number in numbers),
    )


def _navigation(title: str, chapters: list[Chapter]) -> str:
    links = "".join(
        f'<li><a href="chapter-{number}.xhtml">{escape(chapter.title)}</a></li>'
        for number, chapter in enumerate(chapters, start=1)
    )
    return PAGE.format(title=escape(title), body=f'<nav epub:type="toc"><ol>{links}</ol></nav>')
