"""Which queries changed between two runs, and what stands where in their answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from pydantic import BaseModel, Field

from eval.journal import StoredHit
from eval.stored import StoredRun
from eval.tables import text_table
from retrieval.query import Mode, StageScore

SHOWN = 10
_HITS = 3
_WIDTH = 60


@dataclass(frozen=True, slots=True)
class Side:
    """One run's values of one metric, its first hits and its corrections, by query."""

    values: Mapping[str, float]
    top: Mapping[str, Sequence[StoredHit]]
    corrections: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, run: StoredRun, mode: Mode, metric: str) -> Self:
        """Return a metric of one mode of a run."""
        found = run.mode(mode)
        return cls(run.values(mode, metric), found.top, found.corrections)


class Move(BaseModel):
    """A query whose value changed, with the first hits and the corrections of both runs."""

    query_id: str
    text: str
    before: float
    after: float
    hits_before: list[StoredHit] = Field(default_factory=list)
    hits_after: list[StoredHit] = Field(default_factory=list)
    read_before: dict[str, str] = Field(default_factory=dict)
    read_after: dict[str, str] = Field(default_factory=dict)

    @property
    def by(self) -> float:
        """By how much; below 0 is worse."""
        return self.after - self.before


def find_moves(
    before: Side, after: Side, texts: Mapping[str, str], most: int = SHOWN
) -> list[Move]:
    """Return the `most` queries that changed most, the largest change first."""
    changes = {
        query: after.values[query] - value
        for query, value in before.values.items()
        if abs(after.values.get(query, value) - value) > 1e-6
    }
    largest = sorted(changes, key=lambda query: (-abs(changes[query]), query))[:most]
    return [
        Move(
            query_id=query,
            text=texts[query],
            before=before.values[query],
            after=after.values[query],
            hits_before=list(before.top.get(query, ())),
            hits_after=list(after.top.get(query, ())),
            read_before=dict(before.corrections.get(query, {})),
            read_after=dict(after.corrections.get(query, {})),
        )
        for query in largest
    ]


def moves_text(moves: Sequence[Move], metric: str, mode: Mode) -> str:
    """Return a table of `moves`, and below it why the first hits stand where they stand."""
    if not moves:
        return f"No query moved in {metric}, mode {mode}."
    rows = [
        [
            move.query_id,
            _short(move.text),
            f"{move.before:.3f}",
            f"{move.after:.3f}",
            f"{move.by:+.3f}",
        ]
        for move in moves
    ]
    title = f"Queries that moved most in {metric}, mode {mode}:"
    table = text_table(["id", "query", "before", "after", "by"], rows)
    return "\n\n".join([title, table, *map(_answers, moves)])


def _answers(move: Move) -> str:
    lines = [f"{move.query_id}: {_short(move.text)}"]
    sides = (
        ("before", move.hits_before, move.read_before),
        ("after", move.hits_after, move.read_after),
    )
    for name, hits, read in sides:
        lines += [f"  {name} {word} was read as {other}" for word, other in read.items()]
        lines += [
            f"  {name} {rank}. {hit.doc_id} {_why(hit)}"
            for rank, hit in enumerate(hits[:_HITS], start=1)
        ]
    return "\n".join(lines)


def _why(hit: StoredHit) -> str:
    """Return the score with what it is made of, where that is known."""
    if hit.explain is None:
        return f"{hit.score:.3f}"
    parts = [
        _stage("dense", hit.explain.dense),
        _stage("lexical", hit.explain.lexical),
        *(f"{name} {boost:+.3f}" for name, boost in hit.explain.boosts.items()),
    ]
    return f"{hit.score:.3f} ({', '.join(part for part in parts if part)})"


def _stage(name: str, found: StageScore | None) -> str:
    if found is None:
        return ""
    rank = f" rank {found.rank}" if found.rank else ""
    return f"{name} {found.normalized:.3f}{rank}"


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
