"""Records, from CSV rows or JSON objects, as tables or as lines of key and value."""

from collections.abc import Iterable, Mapping, Sequence

from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.tables import Row, groups

# Above these, a row of a table is hard to read.
_LONGEST_ROW = 400
_MOST_COLUMNS = 40


def add_rows(builder: DocumentBuilder, header: Row, rows: Iterable[Row]) -> None:
    """Append rows under their header: short ones as tables, long ones one by one."""
    for group in groups(rows):
        if _fits_table(header, group):
            builder.add_table(header, group)
        else:
            for row in group:
                builder.add(record_text(zip(header, row, strict=False)))


def add_records(builder: DocumentBuilder, records: Iterable[Mapping[str, str]]) -> None:
    """Append records that need not have the same keys."""
    for group in groups(records):
        header = list(dict.fromkeys(key for record in group for key in record))
        add_rows(builder, header, [[record.get(key, "") for key in header] for record in group])


def record_text(pairs: Iterable[tuple[str, str]]) -> str:
    """Return one ``key: value`` line for each value that is not empty."""
    return "\n".join(f"{key}: {value}" if key else value for key, value in pairs if value)


def _fits_table(header: Row, rows: Sequence[Row]) -> bool:
    size = sum(len(cell) for row in rows for cell in row)
    broken = any("\n" in cell.strip() for row in rows for cell in row)
    wide = len(header) > _MOST_COLUMNS
    return not (broken or wide) and size <= _LONGEST_ROW * len(rows)
