"""Everything else (RTF, ODT, old Office files), with the optional `unstructured`."""

import importlib
import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, cast

from data_jobs.errors import UnreadableFileError, UnsupportedTypeError
from data_jobs.parse import media_types
from data_jobs.parse.base import BlockKind, ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder, Place
from data_jobs.parse.characters import clean_text, one_line
from data_jobs.parse.html_blocks import add_html
from data_jobs.parse.html_tree import parse_html

_KINDS: dict[str, BlockKind] = {"ListItem": "list", "CodeSnippet": "code", "Table": "table"}
_SKIPPED = frozenset({"Header", "Footer", "PageBreak", "PageNumber"})


class _ElementMetadata(Protocol):
    page_number: int | None
    page_name: str | None
    category_depth: int | None
    text_as_html: str | None


class _Element(Protocol):
    category: str
    text: str
    metadata: _ElementMetadata


class _Auto(Protocol):
    def partition(self, filename: str, *, content_type: str) -> Iterable[_Element]: ...


class UnstructuredParser:
    """Whatever `unstructured` reads; needs the extra of that name to be installed."""

    name = "unstructured"
    media_types = frozenset(
        {
            media_types.RTF,
            media_types.ODT,
            media_types.DOC,
            media_types.PPT,
            media_types.XLS,
            media_types.OUTLOOK_MESSAGE,
        }
    )

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Partition a file; raises `UnsupportedTypeError` without the package."""
        auto = _load(media_type)
        builder = DocumentBuilder(limits)
        try:
            elements = list(auto.partition(str(path), content_type=media_type))
        except Exception as error:
            # A damaged file, or a program or model that is not installed: it tells which.
            detail = one_line(clean_text(str(error)))[:300]
            raise UnreadableFileError(f"unstructured cannot read the file: {detail}") from error
        pages = max((element.metadata.page_number or 1 for element in elements), default=1)
        builder.check_pages(pages)
        for element in elements:
            _add(builder, element, _place(element.metadata, media_type))
        return builder.build(pages=pages)


def is_installed() -> bool:
    """Return whether the package is there."""
    return importlib.util.find_spec("unstructured") is not None


def _load(media_type: str) -> _Auto:
    if not is_installed():
        raise UnsupportedTypeError(
            f"Files of type {media_type} need the package 'unstructured'. "
            "Install it with: pip install 'pmoves-mesh[unstructured]'"
        )
    # It reports its use to its makers unless it is told not to.
    os.environ["SCARF_NO_ANALYTICS"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    return cast("_Auto", importlib.import_module("unstructured.partition.auto"))


def _place(metadata: _ElementMetadata, media_type: str) -> Place:
    if media_type == media_types.XLS:
        return Place(sheet=metadata.page_name)
    if media_type == media_types.PPT:
        return Place(slide=metadata.page_number)
    return Place(page=metadata.page_number)


def _add(builder: DocumentBuilder, element: _Element, place: Place) -> None:
    html = element.metadata.text_as_html
    if element.category in _SKIPPED:
        return
    if element.category == "Table" and html:
        add_html(builder, parse_html(html), **place)
    elif element.category == "Title":
        builder.add_heading(element.text, (element.metadata.category_depth or 0) + 1, **place)
    else:
        builder.add(element.text, _KINDS.get(element.category, "paragraph"), **place)
