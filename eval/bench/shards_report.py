"""What `pmoves bench shards` found."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from pydantic import BaseModel

from eval.bench.machine import Machine
from eval.bench.ratio import Ratio
from eval.tables import text_table

_MIB = 2**20


class Side(BaseModel):
    """Recall of the ten nearest against brute force, and milliseconds of a question."""

    recall: float
    p50_ms: float
    p95_ms: float

    @classmethod
    def of(cls, recall: float, rounds: Sequence[Sequence[float]]) -> Self:
        """Return it from the seconds of all rounds."""
        p50, p95 = (1_000 * np.percentile(np.concatenate(rounds), [50, 95])).tolist()
        return cls(recall=recall, p50_ms=p50, p95_ms=p95)


class LayoutMeasured(BaseModel):
    """A number of shards beside one index.

    `bytes` is what a process grows by that loads the first shard, `settled_s` how long that
    takes with all building, and `ratio` the median time of the shards over that of one index.
    """

    shards: int
    rows: list[int]
    bytes: int
    settled_s: float
    whole: Side
    sharded: Side
    ratio: Ratio

    @property
    def recall_difference(self) -> float:
        """Recall of the shards less that of one index."""
        return self.sharded.recall - self.whole.recall


class ShardsBenchReport(BaseModel):
    """One index, and the same vectors in shards."""

    machine: Machine
    vectors: int
    questions: int
    bytes: int
    settled_s: float
    layouts: list[LayoutMeasured]

    def to_text(self) -> str:
        """Return the report as plain text with a Markdown table."""
        head = (
            f"{self.vectors:,} vectors, {self.questions:,} questions a round; one index takes "
            f"{self.bytes / _MIB:,.0f} MiB and {self.settled_s:.0f} s to build\n{self.machine}"
        )
        headers = (
            "shards",
            "recall@10, one index",
            "shards",
            "difference",
            "p50 and p95, one index",
            "shards",
            "p50 shards ÷ one",
            "memory of a shard",
            "to build it",
        )
        return f"{head}\n\n{text_table(headers, [_row(one) for one in self.layouts])}"


def _row(one: LayoutMeasured) -> list[str]:
    return [
        str(one.shards),
        f"{one.whole.recall:.4f}",
        f"{one.sharded.recall:.4f}",
        f"{one.recall_difference:+.4f}",
        f"{one.whole.p50_ms:.2f}, {one.whole.p95_ms:.2f} ms",
        f"{one.sharded.p50_ms:.2f}, {one.sharded.p95_ms:.2f} ms",
        str(one.ratio),
        f"{one.bytes / _MIB:,.0f} MiB",
        f"{one.settled_s:.0f} s",
    ]
