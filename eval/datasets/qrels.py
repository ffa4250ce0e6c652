"""Relevance judgements as files have them: query, document and grade in columns."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from eval.datasets.grade import is_grade, no_grade
from eval.errors import DatasetError

Columns = tuple[int, int, int]
TREC: Columns = (0, 2, 3)
BEIR: Columns = (0, 1, 2)


class QrelsReader:
    """Reads one file of judgements, refusing ids that the collection does not have.

    `documents` is None where nobody knows them.
    """

    def __init__(
        self, file: Path, queries: Collection[str], documents: Collection[str] | None
    ) -> None:
        self.file = file
        self._known: dict[str, Collection[str] | None] = {"query": queries, "document": documents}

    def read(self, columns: Columns, *, header: bool = False) -> dict[str, dict[str, int]]:
        """Return grades by query id and document id; `columns` says where they stand."""
        qrels: dict[str, dict[str, int]] = {}
        width = max(columns) + 1
        for number, fields in self._rows(header):
            if len(fields) != width:
                raise self._error(number, f"expected {width} columns, found {len(fields)}")
            query_id, doc_id, grade = (fields[column] for column in columns)
            grades = qrels.setdefault(query_id, {})
            if doc_id in grades:
                raise self._error(number, f"document {doc_id!r} is judged twice for {query_id!r}")
            self._require("query", query_id, number)
            self._require("document", doc_id, number)
            grades[doc_id] = self._grade(grade, number)
        return qrels

    def _rows(self, header: bool) -> Iterator[tuple[int, Sequence[str]]]:
        with self.file.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                fields = line.split()
                names = header and number == 1 and fields and not _is_number(fields[-1])
                if fields and not names:
                    yield number, fields

    def _require(self, kind: str, value: str, number: int) -> None:
        known = self._known[kind]
        if known is not None and value not in known:
            raise self._error(number, f"no {kind} has the id {value!r}")

    def _grade(self, text: str, number: int) -> int:
        if not is_grade(text):
            raise self._error(number, no_grade(text))
        return int(text)

    def _error(self, number: int, problem: str) -> DatasetError:
        return DatasetError.at(self.file, number, problem)


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdecimal()
