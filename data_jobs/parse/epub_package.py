"""The package of an EPUB: what it holds, in which order, under which titles."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote
from zipfile import ZipFile

from lxml import etree

from data_jobs.errors import UnreadableFileError
from data_jobs.parse.archive import read_entry
from data_jobs.parse.safe_xml import parse_xml, strip_namespaces

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_NCX = "application/x-dtbncx+xml"


@dataclass(frozen=True, slots=True)
class Item:
    """A file of the book: its name in the archive, media type and properties."""

    name: str
    media_type: str
    properties: str


@dataclass(frozen=True, slots=True)
class Package:
    """`spine` is the reading order; `titles` maps names of files to titles of chapters."""

    metadata: dict[str, list[str]]
    spine: list[Item]
    titles: dict[str, str]


def read_package(archive: ZipFile) -> Package:
    """Return the package of a book; raises `UnreadableFileError` if it is damaged or locked."""
    container = _read(archive, _CONTAINER)
    rootfile = container.find(".//rootfile")
    name = "" if rootfile is None else rootfile.get("full-path", "")
    package = _read(archive, name)
    items = dict(_items(package, posixpath.dirname(name)))
    references = [ref.get("idref", "") for ref in package.iterfind("spine/itemref")]
    spine = [items[ref] for ref in references if ref in items]
    _refuse_encrypted(archive, spine)
    return Package(_metadata(package), spine, _titles(archive, list(items.values())))


def _items(package: etree._Element, folder: str) -> Iterator[tuple[str, Item]]:
    for item in package.iterfind("manifest/item"):
        name = _resolve(folder, item.get("href", ""))
        yield (
            item.get("id", ""),
            Item(name, item.get("media-type", ""), item.get("properties", "")),
        )


def _metadata(package: etree._Element) -> dict[str, list[str]]:
    metadata: dict[str, list[str]] = {}
    for element in package.iterfind("metadata/*"):
        if element.text and element.text.strip():
            metadata.setdefault(str(element.tag), []).append(element.text.strip())
    return metadata


def _titles(archive: ZipFile, items: list[Item]) -> dict[str, str]:
    """The titles of the navigation, of EPUB 3 or else of EPUB 2."""
    titles: dict[str, str] = {}
    for item in items:
        is_nav, is_ncx = "nav" in item.properties.split(), item.media_type == _NCX
        if not (is_nav or is_ncx):
            continue
        try:
            root = _read(archive, item.name)
        except UnreadableFileError:
            # A book can be read without its table of contents.
            continue
        folder = posixpath.dirname(item.name)
        for href, title in _nav_links(root) if is_nav else _ncx_points(root):
            titles.setdefault(_resolve(folder, href), title)
    return titles


def _nav_links(root: etree._Element) -> Iterator[tuple[str, str]]:
    for link in root.iter("a"):
        yield link.get("href", ""), " ".join("".join(map(str, link.itertext())).split())


def _ncx_points(root: etree._Element) -> Iterator[tuple[str, str]]:
    for point in root.iter("navPoint"):
        text, content = point.find("navLabel/text"), point.find("content")
        if text is not None and content is not None:
            yield content.get("src", ""), " ".join((text.text or "").split())


def _refuse_encrypted(archive: ZipFile, spine: list[Item]) -> None:
    if _ENCRYPTION not in archive.namelist():
        return
    references = _read(archive, _ENCRYPTION).iter("CipherReference")
    locked = {unquote(reference.get("URI", "")) for reference in references}
    # Fonts are often scrambled in books that anybody may read.
    if locked & {item.name for item in spine}:
        raise UnreadableFileError("The book is locked by copy protection (DRM).")


def _resolve(folder: str, href: str) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))


def _read(archive: ZipFile, name: str) -> etree._Element:
    try:
        return strip_namespaces(parse_xml(read_entry(archive, name), name))
    except KeyError as error:
        raise UnreadableFileError(f"The book lacks its part {name!r}.") from error
