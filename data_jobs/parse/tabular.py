"""Tables as text: CSV and TSV, JSON and JSON Lines."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from data_jobs.errors import UnreadableFileError
from data_jobs.parse import media_types
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.characters import clean_text
from data_jobs.parse.decode import decode_text
from data_jobs.parse.delimiters import sniff_delimiter
from data_jobs.parse.json_values import add_json
from data_jobs.parse.records import add_rows
from data_jobs.parse.tables import Row

_SAMPLE = 65_536
_NUMBER = re.compile(r"[-+]?[\d.,]+\s*%?")


class TabularParser:
    """Rows and records as tables, or as ``key: value`` lines where they are long."""

    name = "tabular"
    media_types = frozenset(
        {media_types.CSV, media_types.TSV, media_types.JSON, media_types.NDJSON}
    )

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read a table or records; the delimiter and encoding are told from the content."""
        text = decode_text(path.read_bytes())
        builder = DocumentBuilder(limits)
        if media_type == media_types.JSON:
            return builder.build(add_json(builder, [_load(text, "The file")]))
        if media_type == media_types.NDJSON:
            return builder.build(add_json(builder, _lines(text)))
        _add_csv(builder, clean_text(text), "\t" if media_type == media_types.TSV else None)
        return builder.build()


def _add_csv(builder: DocumentBuilder, text: str, delimiter: str | None) -> None:
    sample = text if len(text) <= _SAMPLE else text[:_SAMPLE].rpartition("\n")[0]
    rows = _rows(text, delimiter or sniff_delimiter(sample) or ",")
    first = next(rows, None)
    if first is None:
        return
    if _is_header(first):
        add_rows(builder, first, rows)
    else:
        header = [f"column {number}" for number in range(1, len(first) + 1)]
        add_rows(builder, header, chain([first], rows))
