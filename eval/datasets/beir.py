"""Collections in BEIR's layout: `corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv`.

Thakur et al., BEIR, NeurIPS Datasets 2021.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from eval.datasets.base import Dataset, DatasetDocument
from eval.datasets.qrels import BEIR, QrelsReader
from eval.errors import DatasetError

DOCUMENTS = "corpus.jsonl"
QUERIES = "queries.jsonl"
QRELS = "qrels/test.tsv"


class _Record(BaseModel):
    id: str = Field(alias="_id", min_length=1)
    title: str | None = None
    text: str


def read_beir(folder: Path) -> Dataset:
    """Read the collection in `folder`; `DatasetError` names file and line of a fault."""
    documents = tuple(
        DatasetDocument(record.id, record.text, record.title or "")
        for record in _records(folder / DOCUMENTS)
    )
    queries = {record.id: record.text for record in _records(folder / QUERIES)}
    doc_ids = {document.doc_id for document in documents}
    qrels = QrelsReader(folder / QRELS, queries, doc_ids).read(BEIR, header=True)
    asked = {query_id: text for query_id, text in queries.items() if query_id in qrels}
    name = folder.resolve().name
    return Dataset(name, documents, asked, qrels, drop_identical_ids=True)


def _records(file: Path) -> Iterator[_Record]:
    seen: set[str] = set()
    with file.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            record = _record(file, number, line)
            if record.id in seen:
                raise DatasetError.at(file, number, f"the _id {record.id!r} is used twice")
            seen.add(record.id)
            yield record


def _record(file: Path, number: int, line: str) -> _Record:
    try:
        return _Record.model_validate(json.loads(line))
    except json.JSONDecodeError as error:
        problem = f"not JSON: {error.msg} at column {error.colno}"
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{'.'.join(map(str, first['loc'])) or 'record'}: {first['msg']}"
    raise DatasetError.at(file, number, problem)
