"""Tables as text: CSV and TSV, JSON and JSON Lines."""

import csv
import io
import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from data_jobs.errors import UnreadableFileError
from data_jobs.parse import media_types
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.characters import clean_text
from data_jobs.parse.decode import decode_text
from data_jobs.parse.delimiters import sniff_delimiter
from data_jobs.parse.json_values import add_json, flat_record
from data_jobs.parse.records import add_records, add_rows
from data_jobs.parse.tables import Row
from data_jobs.parse.text import add_text

_SAMPLE = 65_536
_NUMBER = re.compile(r"[-+]?[\d.,:/-]*\d\s*%?")


class TabularParser:
    """Rows and records as tables, or as ``key: value`` lines where they are long."""

    name = "tabular"
    media_types = frozenset(
        {media_types.CSV, media_types.TSV, media_types.JSON, media_types.NDJSON}
    )

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read a table or records; the delimiter and encoding are told from the content."""
        text = decode_text(path.read_bytes())
        if media_type in (media_types.CSV, media_types.TSV):
            return _parse_csv(clean_text(text), media_type, limits)
        builder = DocumentBuilder(limits)
        if media_type == media_types.NDJSON:
            add_records(builder, map(flat_record, _json_lines(text)))
            return builder.build()
        value = _load(text, "The file")
        add_json(builder, value)
        title = value.get("title") if isinstance(value, dict) else None
        return builder.build(title if isinstance(title, str) else None)


def _parse_csv(text: str, media_type: str, limits: ParseLimits) -> ParsedDocument:
    sample = text if len(text) <= _SAMPLE else text[:_SAMPLE].rpartition("\n")[0]
    default = "\t" if media_type == media_types.TSV else ","
    delimiter = sniff_delimiter(sample) or default
    # A quote that is never closed makes a field that is too large; then quotes mean nothing.
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
        builder = DocumentBuilder(limits)
        try:
            rows = csv.reader(io.StringIO(text), delimiter=delimiter, quoting=quoting)
            _add_rows(builder, (row for row in rows if any(row)))
        except csv.Error:
            continue
        return builder.build()
    builder = DocumentBuilder(limits)
    add_text(builder, text)
    return builder.build()


def _add_rows(builder: DocumentBuilder, rows: Iterator[Row]) -> None:
    first = next(rows, None)
    if first is None:
        return
    second = next(rows, None)
    if second is None:
        builder.add_table(first, [])
    elif _is_header(first):
        add_rows(builder, first, chain([second], rows))
    else:
        header = [f"column {number}" for number in range(1, len(first) + 1)]
        add_rows(builder, header, chain([first, second], rows))


def _is_header(row: Row) -> bool:
    """Whether a first row names the columns: no numbers, no dates."""
    return not any(_NUMBER.fullmatch(cell.strip()) for cell in row)


def _json_lines(text: str) -> Iterator[object]:
    for number, line in enumerate(io.StringIO(text), start=1):
        if line.strip():
            yield _load(line, f"Line {number}")


def _load(text: str, where: str) -> object:
    try:
        value: object = json.loads(text)
    except ValueError as error:
        raise UnreadableFileError(f"{where} is not valid JSON: {error}") from error
    return value
