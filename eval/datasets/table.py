"""Questions in CSV: one row for each judgement, with a header line.

Columns `query` and `relevant` (one id), and as you like `query_id`, `grade`,
`namespace` and `tags` (separated by `;`). Rows with the same `query_id`, or without
one the same `query`, belong together.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from eval.datasets.base import Dataset
from eval.datasets.grade import is_grade, no_grade
from eval.errors import DatasetError
from retrieval.chunk import JsonValue

SUFFIX = ".csv"
_NEEDED = ("query", "relevant")
COLUMNS = (*_NEEDED, "query_id", "grade", "namespace", "tags")
Row = dict[str, str]


def read_table(file: Path) -> Dataset:
    """Read the questions in `file`; `DatasetError` names the line of a fault."""
    queries: dict[str, str] = {}
    qrels: dict[str, dict[str, int]] = {}
    records: dict[str, dict[str, JsonValue]] = {}
    for number, row in _rows(file):
        query_id = row.get("query_id") or row["query"]
        if queries.setdefault(query_id, row["query"]) != row["query"]:
            raise DatasetError.at(file, number, f"{query_id!r} had another query before")
        grades = qrels.setdefault(query_id, {})
        if row["relevant"] in grades:
            problem = f"{row['relevant']!r} is judged twice for {query_id!r}"
            raise DatasetError.at(file, number, problem)
        grades[row["relevant"]] = _grade(file, number, row.get("grade") or "1")
        if record := _record(row):
            records.setdefault(query_id, record)
    return Dataset(file.stem, (), queries, qrels, records=records)


def _rows(file: Path) -> Iterator[tuple[int, Row]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        try:
            header = next(reader, [])
            _require_header(file, header)
            for cells in reader:
                if any(cells):
                    yield reader.line_num, _row(file, reader.line_num, header, cells)
        except csv.Error as error:
            raise DatasetError.at(file, reader.line_num, f"not CSV: {error}") from error


def _require_header(file: Path, header: Sequence[str]) -> None:
    for name in _NEEDED:
        if name not in header:
            raise DatasetError.at(file, 1, f"the header lacks the column {name!r}")
    for name in header:
        if name not in COLUMNS:
            known = ", ".join(COLUMNS)
            raise DatasetError.at(file, 1, f"the column {name!r} is none of {known}")


def _row(file: Path, number: int, header: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) != len(header):
        problem = f"expected {len(header)} columns, found {len(cells)}"
        raise DatasetError.at(file, number, problem)
    row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    for name in _NEEDED:
        if not row[name]:
            raise DatasetError.at(file, number, f"{name} is empty")
    return row


def _record(row: Row) -> dict[str, JsonValue]:
    tags: list[JsonValue] = [tag.strip() for tag in row.get("tags", "").split(";") if tag.strip()]
    found: dict[str, JsonValue] = {"namespace": row.get("namespace") or None, "tags": tags}
    return {name: value for name, value in found.items() if value}


def _grade(file: Path, number: int, text: str) -> int:
    if not is_grade(text):
        raise DatasetError.at(file, number, no_grade(text))
    return int(text)
