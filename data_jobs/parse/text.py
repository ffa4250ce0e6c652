"""Plain text in any encoding."""

import re
from pathlib import Path

from data_jobs.parse import media_types
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.characters import clean_text
from data_jobs.parse.decode import decode_text

_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")


class TextParser:
    """Paragraphs, parted by blank lines."""

    name = "text"
    media_types = frozenset({media_types.PLAIN})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read a text file; its encoding is told from its bytes."""
        builder = DocumentBuilder(limits)
        add_text(builder, decode_text(path.read_bytes()))
        return builder.build()


def add_text(builder: DocumentBuilder, text: str) -> None:
    """Append the paragraphs of `text`."""
    for paragraph in _BLANK_LINES.split(clean_text(text)):
        builder.add(paragraph)
