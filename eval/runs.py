"""Runs: what a system answered, and their exchange as TREC run files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, slots=True)
class Scored:
    """One document of an answer."""

    doc_id: str
    score: float


Run = Mapping[str, Sequence[Scored]]


def rank_by_score(scores: Mapping[str, float]) -> list[str]:
    """Return the ids by falling score; equal scores by falling id, as trec_eval does."""
    return sorted(scores, key=lambda doc_id: (scores[doc_id], doc_id), reverse=True)


def write_run(run: Run, file: Path, tag: str) -> None:
    """Write `run` in TREC's format: query, Q0, document, rank, score, tag.

    Readers sort by score, in single precision, and break ties in their own way, so
    a score that does not fall is lowered by the least step that keeps our order.
    """
    with file.open("w", encoding="utf-8") as out:
        for query_id, answer in run.items():
            for rank, (doc_id, score) in enumerate(_falling(answer), start=1):
                out.write(f"{query_id} Q0 {doc_id} {rank} {score:.9g} {tag}\n")


def _falling(answer: Sequence[Scored]) -> Iterator[tuple[str, np.float32]]:
    previous = np.float32(np.inf)
    for item in answer:
        score = min(np.float32(item.score), np.nextafter(previous, np.float32(-np.inf)))
        yield item.doc_id, score
        previous = score
