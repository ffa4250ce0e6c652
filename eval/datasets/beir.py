"""Collections in BEIR's layout: `corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv`.

Where there is one other file of judgements alone, such as `dev.tsv`, it is taken.

Thakur et al., BEIR, NeurIPS Datasets 2021.
"""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, Field

from eval.datasets.base import Dataset, DatasetDocument
from eval.datasets.jsonl import read_records
from eval.datasets.qrels import BEIR, QrelsReader
from eval.errors import DatasetError
from retrieval.chunk import JsonValue

DOCUMENTS = "corpus.jsonl"
QUERIES = "queries.jsonl"
QRELS, ANY_QRELS = "qrels/test.tsv", "qrels/*.tsv"


class _Record(BaseModel):
    id: str = Field(alias="_id", min_length=1)
    title: str | None = None
    text: str
    metadata: dict[str, JsonValue] = Field(default_factory=dict)


def read_beir(folder: Path) -> Dataset:
    """Read the collection in `folder`; `DatasetError` names file and line of a fault."""
    documents = read_corpus(folder / DOCUMENTS)
    found = {record.id: record for record in _records(folder / QUERIES)}
    doc_ids = {document.doc_id for document in documents}
    qrels = QrelsReader(_qrels(folder), found, doc_ids).read(BEIR, header=True)
    asked = {query_id: record for query_id, record in found.items() if query_id in qrels}
    return Dataset(
        folder.resolve().name,
        documents,
        {query_id: record.text for query_id, record in asked.items()},
        qrels,
        drop_identical_ids=True,
        records={
            query_id: {"metadata": record.metadata}
            for query_id, record in asked.items()
            if record.metadata
        },
    )


def _qrels(folder: Path) -> Path:
    """Return the judgements of the test split, else the only ones there are."""
    found = sorted(folder.glob(ANY_QRELS))
    if (folder / QRELS) in found:
        return folder / QRELS
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise DatasetError(
            f"{folder} has several judgements and no {QRELS}: {names}; copy the one to take there"
        )
    return found[0]


def read_corpus(file: Path) -> tuple[DatasetDocument, ...]:
    """Read documents, one JSON object a line; `DatasetError` names the line of a fault."""
    return tuple(
        DatasetDocument(record.id, record.text, record.title or "") for record in _records(file)
    )


def _records(file: Path) -> Iterator[_Record]:
    seen: set[str] = set()
    for number, record in read_records(file, _Record):
        if record.id in seen:
            raise DatasetError.at(file, number, f"the _id {record.id!r} is used twice")
        seen.add(record.id)
        yield record
