"""How documents ended, as rows that the driver reads."""

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import pyarrow as pa

from data_jobs.stages.work import Outcome, Work


@dataclass(frozen=True, slots=True)
class DocumentOutcome:
    """What became of one document; `stage`, `type` and `message` where it is quarantined."""

    source: str
    doc_id: str
    outcome: Outcome
    stage: str | None = None
    type: str | None = None
    message: str | None = None
    chunks: int = 0
    needs_ocr: int = 0


def outcome_row(works: Sequence[Work]) -> pa.Table:
    """Return the outcomes of `works`, which are certain, as a table of one row."""
    data = pickle.dumps([outcome_of(work) for work in works], pickle.HIGHEST_PROTOCOL)
    return pa.table({"outcomes": pa.array([data], pa.large_binary())})


def outcomes(table: pa.Table) -> Iterator[DocumentOutcome]:
    """Yield the outcomes in the rows of `table`."""
    for data in table.column("outcomes"):
        yield from cast(list[DocumentOutcome], pickle.loads(data.as_py()))


def outcome_of(work: Work) -> DocumentOutcome:
    """Return the outcome of `work`, which is certain."""
    return DocumentOutcome(
        source=work.file.uri,
        doc_id=work.doc_id,
        outcome=work.outcome or "stopped",
        stage=work.error.stage if work.error else None,
        type=work.error.type if work.error else None,
        message=work.error.message if work.error else None,
        chunks=len(work.chunks),
        needs_ocr=len(work.needs_ocr),
    )
