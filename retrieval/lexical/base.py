"""What the lexical side is asked, and by whom it may be answered."""

from dataclasses import dataclass
from typing import Protocol

from retrieval.chunk import Vectors
from retrieval.dense.segment import Addresses
from retrieval.dense.snapshot import Snapshot
from retrieval.projection.following import Progress
from retrieval.query import Filters

Found = tuple[Addresses, Vectors]
"""Row addresses and BM25 scores, best first."""


@dataclass(frozen=True, slots=True)
class Question:
    """Words to be found in the passages of `scope`, the `k` best of those that pass `filters`.

    `predicate` is `filters` as the corpus understands them. The answer must know all
    versions up to `at_least`.
    """

    query: str
    scope: tuple[str, ...]
    k: int
    filters: Filters | None = None
    predicate: str | None = None
    at_least: int = 0


class TextEngine(Protocol):
    """Answers in place of the corpus's own text index, which is asked where it cannot.

    Use it from one event loop.
    """

    @property
    def name(self) -> str:
        """What it is called in answers."""
        ...

    @property
    def available(self) -> bool:
        """Whether it is asked at the moment."""
        ...

    @property
    def progress(self) -> Progress:
        """How far it has followed the corpus."""
        ...

    async def search(self, question: Question, snapshot: Snapshot, limit_s: float) -> Found:
        """Return rows of `snapshot` only; `StageError` where it cannot answer within `limit_s`."""
        ...

    def doubt(self) -> None:
        """Take notice that an answer seems to lack something."""
        ...

    def close(self) -> None:
        """End the work in the background, and give connections back."""
        ...
