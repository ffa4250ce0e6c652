"""Runs: what a system answered, and their exchange as TREC run files."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import numpy as np

from eval.errors import DatasetError

_COLUMNS = 6


class ScoredDocument(Protocol):
    """One document of an answer."""

    @property
    def doc_id(self) -> str:
        """Which document."""
        ...

    @property
    def score(self) -> float:
        """Its score; the higher the better."""
        ...


@dataclass(frozen=True, slots=True)
class Scored:
    """One document of an answer as a run file has it."""

    doc_id: str
    score: float


Run = Mapping[str, Sequence[ScoredDocument]]


def rank_by_score(scores: Mapping[str, float]) -> list[str]:
    """Return the ids by falling score; equal scores by falling id, as trec_eval does."""
    return sorted(scores, key=lambda doc_id: (scores[doc_id], doc_id), reverse=True)


def write_run(run: Run, file: Path, tag: str) -> None:
    """Write `run` in TREC's format: query, Q0, document, rank, score, tag.

    Readers sort by score, in single precision, and break ties in their own way, so
    a score that does not fall is lowered by the least step that keeps our order.
    Ids stand there as `in_column` has them.
    """
    with file.open("w", encoding="utf-8") as out:
        for query_id, answer in run.items():
            query = in_column(query_id)
            for rank, (doc_id, score) in enumerate(_falling(answer), start=1):
                out.write(f"{query} Q0 {in_column(doc_id)} {rank} {score:.9g} {tag}\n")


def in_column(name: str) -> str:
    """Return an id with its white space as in addresses (`a b` is `a%20b`): it ends columns."""
    return "".join(quote(letter) if letter.isspace() else letter for letter in name)


def read_run(file: Path) -> dict[str, list[Scored]]:
    """Return the answers in a TREC run file, each in the order that trec_eval gives it.

    The ranks in the file are not looked at. Raises `DatasetError` with the line of a
    fault: columns, a score that is no number, a document that stands twice.
    """
    scores: dict[str, dict[str, float]] = {}
    with file.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if fields := line.split():
                query_id, doc_id, score = _run_fields(file, number, fields)
                if doc_id in scores.setdefault(query_id, {}):
                    problem = f"document {doc_id!r} stands twice for {query_id!r}"
                    raise DatasetError.at(file, number, problem)
                scores[query_id][doc_id] = score
    return {
        query_id: [Scored(doc_id, found[doc_id]) for doc_id in rank_by_score(found)]
        for query_id, found in scores.items()
    }


def _run_fields(file: Path, number: int, fields: Sequence[str]) -> tuple[str, str, float]:
    if len(fields) != _COLUMNS:
        problem = f"expected {_COLUMNS} columns, found {len(fields)}"
        raise DatasetError.at(file, number, problem)
    try:
        score = float(fields[4])
    except ValueError:
        score = math.nan
    if math.isnan(score):
        raise DatasetError.at(file, number, f"the score {fields[4]!r} is not a number")
    return fields[0], fields[2], score


def _falling(answer: Sequence[ScoredDocument]) -> Iterator[tuple[str, np.float32]]:
    previous = np.float32(np.inf)
    for item in answer:
        score = min(np.float32(item.score), np.nextafter(previous, np.float32(-np.inf)))
        yield item.doc_id, score
        previous = score
