"""Books: order, titles, locks, and broken packages."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from data_jobs.errors import UnreadableFileError
from data_jobs.parse.registry import parse_file

if TYPE_CHECKING:
    from tests.data_jobs.parse.conftest import Sample


@pytest.fixture
def book(make_sample: Callable[[str], "Sample"]) -> Path:
    """A book of two chapters."""
    return make_sample("epub").path


def change(path: Path, name: str, data: str | None) -> None:
    """Replace, add or (None) remove one entry."""
    with ZipFile(path) as archive:
        entries = {entry: archive.read(entry) for entry in archive.namelist()}
    if data is None:
        del entries[name]
    else:
        entries[name] = data.encode()
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for entry, content in entries.items():
            archive.writestr(entry, content)


def test_chapters_follow_the_spine_under_their_titles(book: Path) -> None:
    document = parse_file(book)[1]
    assert [(block.kind, block.level, block.text) for block in document.blocks] == [
        ("heading", 1, "Chapter one"),
        ("paragraph", 0, "It began with Ray."),
        ("heading", 1, "Chapter two"),
        ("paragraph", 0, "Then came Lance."),
    ]
    assert document.metadata == {"authors": ["Ada"], "language": "en"}


def test_own_headings_are_not_doubled(book: Path) -> None:
    change(book, "OEBPS/two.xhtml", "<html><body><h2>Mine</h2><p>text</p></body></html>")
    texts = [block.text for block in parse_file(book)[1].blocks]
    assert texts[2:] == ["Mine", "text"]


def test_broken_chapter_is_still_read(book: Path) -> None:
    change(book, "OEBPS/two.xhtml", "<html><body><p>not <b>closed<p>but read")
    assert parse_file(book)[1].blocks[-1].text == "but read"


@pytest.mark.parametrize(
    "name", ["META-INF/container.xml", "OEBPS/book.opf", "OEBPS/one first.xhtml"]
)
def test_missing_part(book: Path, name: str) -> None:
    change(book, name, None)
    with pytest.raises(UnreadableFileError, match="lacks"):
        parse_file(book)


@pytest.mark.parametrize(("uri", "locked"), [("OEBPS/two.xhtml", True), ("font.otf", False)])
def test_copy_protection(book: Path, uri: str, locked: bool) -> None:
    change(
        book,
        "META-INF/encryption.xml",
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#"><CipherData>'
        f'<CipherReference URI="{uri}"/></CipherData></EncryptedData></encryption>',
    )
    if not locked:
        assert parse_file(book)[1].blocks
        return
    with pytest.raises(UnreadableFileError, match="DRM"):
        parse_file(book)


def test_ncx_of_older_books_gives_titles(book: Path) -> None:
    change(book, "OEBPS/nav.xhtml", "<html/>")
    with ZipFile(book) as archive:
        package = archive.read("OEBPS/book.opf").decode()
    ncx = '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/></manifest>'
    change(book, "OEBPS/book.opf", package.replace("</manifest>", ncx))
    change(
        book,
        "OEBPS/toc.ncx",
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel>'
        '<text>From  NCX</text></navLabel><content src="two.xhtml"/></navPoint></navMap></ncx>',
    )
    assert parse_file(book)[1].blocks[-2].text == "From NCX"
