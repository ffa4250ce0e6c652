"""Books (EPUB 2 and 3), with zipfile and lxml."""

from pathlib import Path
from zipfile import ZipFile

from lxml import etree

from data_jobs.errors import EmptyDocumentError, UnreadableFileError
from data_jobs.parse import media_types
from data_jobs.parse.archive import open_archive, read_entry
from data_jobs.parse.base import MetadataValue, ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.decode import decode_text
from data_jobs.parse.epub_package import Item, Package, read_package
from data_jobs.parse.html_blocks import add_html
from data_jobs.parse.html_text import HEADINGS
from data_jobs.parse.html_tree import parse_html
from data_jobs.parse.safe_xml import parse_xml, strip_namespaces

_TEXT_TYPES = (media_types.XHTML, media_types.HTML)


class EpubParser:
    """The files of the spine in their order; a chapter without a heading gets its title."""

    name = "epub"
    media_types = frozenset({media_types.EPUB})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read a book; raises `UnreadableFileError` if it is locked or damaged."""
        builder = DocumentBuilder(limits)
        with open_archive(path, limits) as archive:
            package = read_package(archive)
            for item in package.spine:
                if item.media_type in _TEXT_TYPES and "nav" not in item.properties.split():
                    _add_chapter(builder, archive, item, package.titles.get(item.name))
        titles = package.metadata.get("title", [""])
        return builder.build(titles[0], metadata=_metadata(package))


def _add_chapter(builder: DocumentBuilder, archive: ZipFile, item: Item, title: str | None) -> None:
    try:
        root = _tree(read_entry(archive, item.name), item.name)
    except KeyError as error:
        raise UnreadableFileError(f"The book lacks its chapter {item.name!r}.") from error
    except EmptyDocumentError:
        return
    if title and next(root.iter(*HEADINGS), None) is None:
        builder.add_heading(title, 1)
    add_html(builder, root)


def _tree(data: bytes, name: str) -> etree._Element:
    try:
        return strip_namespaces(parse_xml(data, name))
    except UnreadableFileError:
        # Many books are not well-formed; readers show them all the same.
        return parse_html(decode_text(data))


def _metadata(package: Package) -> dict[str, MetadataValue | None]:
    found = package.metadata
    return {
        "authors": found.get("creator"),
        "subjects": found.get("subject"),
        "language": next(iter(found.get("language", [])), None),
        "publisher": next(iter(found.get("publisher", [])), None),
        "description": next(iter(found.get("description", [])), None),
        "created_at": next(iter(found.get("date", [])), None),
    }
