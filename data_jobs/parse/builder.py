"""Collects the blocks of one document and holds its limits."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict, Unpack

from data_jobs.errors import LimitExceededError
from data_jobs.parse.base import (
    Attachment,
    Block,
    BlockKind,
    MetadataValue,
    ParsedDocument,
    ParseLimits,
)
from data_jobs.parse.characters import clean_text, one_line
from data_jobs.parse.tables import Row, groups, markdown_table

LONGEST_TITLE = 500
LONGEST_METADATA = 2_000

Metadata = Mapping[str, MetadataValue | None]


class Place(TypedDict, total=False):
    """Where a block stands in its document; see `Block`."""

    page: int | None
    slide: int | None
    sheet: str | None
    t_start: float | None
    t_end: float | None


class DocumentBuilder:
    """Takes blocks in reading order; cleans their text and drops empty ones.

    Raises `LimitExceededError` as soon as the text or the pages pass `limits`.
    """

    def __init__(self, limits: ParseLimits) -> None:
        self.blocks: list[Block] = []
        self._limits = limits
        self._characters = 0

    def add(
        self, text: str, kind: BlockKind = "paragraph", level: int = 0, **place: Unpack[Place]
    ) -> None:
        """Append a block, unless its text is blank."""
        self._count(len(text))
        text = clean_text(text)
        text = text.strip("\n").rstrip() if kind == "code" else text.strip()
        if text:
            self.blocks.append(Block(text, kind, level, **place))

    def add_heading(self, text: str, level: int, **place: Unpack[Place]) -> None:
        """Append a heading on one line; levels below 6 count as 6."""
        self.add(one_line(text), "heading", min(max(level, 1), 6), **place)

    def add_table(self, header: Row, rows: Iterable[Row], **place: Unpack[Place]) -> None:
        """Append table blocks of at most 50 rows, each with the header row."""
        empty = True
        for group in groups(rows):
            empty = False
            self.check_room(sum(len(cell) for row in (header, *group) for cell in row))
            self.add(markdown_table(header, group), "table", **place)
        if empty:
            self.add(markdown_table(header, []), "table", **place)

    def check_pages(self, pages: int) -> int:
        """Return `pages`, if the limits allow as many."""
        if pages > self._limits.max_pages:
            raise LimitExceededError(
                f"The document has {pages} pages, slides or sheets; the limit is "
                f"{self._limits.max_pages}. Split it, or raise the page limit."
            )
        return pages

    def check_room(self, characters: int) -> None:
        """Raise if `characters` more would pass the limit."""
        limit = self._limits.max_characters
        if self._characters + characters > limit:
            raise LimitExceededError(
                f"The document holds more than {limit} characters of text. "
                "Split it, or raise the limit on characters."
            )

    def build(
        self,
        title: str | None = None,
        *,
        pages: int = 1,
        metadata: Metadata | None = None,
        attachments: Sequence[Attachment] = (),
        needs_ocr: Sequence[int] = (),
        needs_speech: bool = False,
    ) -> ParsedDocument:
        """Return the document; without a `title` it takes the first heading.

        The headings of a recording are its chapters, none of which names the whole.
        """
        heading = None if needs_speech else self._first_heading()
        return ParsedDocument(
            title=_short(title or "", LONGEST_TITLE) or heading,
            blocks=tuple(self.blocks),
            pages=self.check_pages(pages),
            metadata=tidy_metadata(metadata or {}),
            attachments=tuple(attachments),
            needs_ocr=tuple(needs_ocr),
            needs_speech=needs_speech,
        )

    def _first_heading(self) -> str | None:
        headings = (block.text for block in self.blocks if block.kind == "heading")
        return _short(next(headings, ""), LONGEST_TITLE) or None

    def _count(self, characters: int) -> None:
        self.check_room(characters)
        self._characters += characters


def tidy_metadata(metadata: Metadata) -> dict[str, MetadataValue]:
    """Return clean, bounded values; empty ones are left out."""
    tidy: dict[str, MetadataValue] = {}
    for key, value in metadata.items():
        if isinstance(value, str):
            value = _short(value, LONGEST_METADATA)
        elif isinstance(value, list):
            value = [short for item in value if (short := _short(item, LONGEST_METADATA))]
        if value not in (None, "", []):
            tidy[clean_text(key)] = value
    return tidy


def _short(text: str, length: int) -> str:
    return one_line(clean_text(text[: 2 * length]))[:length].rstrip()
