"""What a parser takes and gives.

A parser turns one file into blocks in reading order. A block never spans two
pages, slides, sheets, sections or cues, so that every chunk cut from it knows
where it came from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from data_jobs.parse.options import ParseOptions
from retrieval.pickling import by_fields

BlockKind = Literal["heading", "paragraph", "list", "table", "code", "cue", "notes"]
MetadataValue = str | int | float | bool | list[str]


@by_fields
@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of text with one place in its document.

    `text` is plain text; tables are Markdown pipe tables with their header row.
    `level` is the depth of a heading, 1 the highest, and 0 for everything else.
    `page` and `slide` count from 1; `t_start` and `t_end` are seconds. `confidence`,
    0 to 1, says how sure a recogniser was. With `opens`, a passage begins here.
    `speaker` is who says it, where that is known.
    """

    text: str
    kind: BlockKind = "paragraph"
    level: int = 0
    page: int | None = None
    slide: int | None = None
    sheet: str | None = None
    t_start: float | None = None
    t_end: float | None = None
    confidence: float | None = None
    opens: bool = False
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside a file; it becomes a child document of its own.

    Its bytes are `data`, or lie at `path`, inside the scratch folder of the limits.
    """

    name: str
    data: bytes = b""
    path: str | None = None


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """The text of one file with its structure.

    `pages` counts pages, slides or sheets where the format has them, else 1.
    `needs_ocr` lists the pages (from 1) that hold no usable text. `needs_speech` says
    that the words of a recording are still to be recognised; its blocks are chapters.
    `preview` is the path of a PDF that shows the document, `picture` that of a JPEG to be
    described, both inside the scratch folder of the limits.
    """

    title: str | None
    blocks: tuple[Block, ...]
    pages: int = 1
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    needs_ocr: tuple[int, ...] = ()
    needs_speech: bool = False
    preview: str | None = None
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """Bounds for one document.

    Pages count slides and sheets too; `max_characters` bounds the text that
    comes out, `max_file_bytes` the file that goes in, `max_expanded_bytes` what
    a zip container may unpack to. `seconds` is wall-clock time and
    `memory_bytes` the address space that parsing may add.
    """

    seconds: float = 120.0
    memory_bytes: int = 4 * 2**30
    max_file_bytes: int = 512 * 2**20
    max_expanded_bytes: int = 2 * 2**30
    max_pages: int = 5_000
    max_characters: int = 50_000_000
    slow: bool = True
    scratch: str | None = None
    options: ParseOptions = field(default_factory=ParseOptions)


class Parser(Protocol):
    """Reads the files of some media types.

    Implementations hold no state between files and raise the errors of
    `data_jobs.errors`; anything else that escapes is reported as a damaged file.
    """

    name: str
    media_types: frozenset[str]

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read the file at `path`, whose content is known to be `media_type`."""
        ...
