"""Searches in an engine, whose answers are held against the corpus.

The engine proposes, the snapshot decides: its answer counts where the snapshot holds a
row with the very content of each hit, in the namespaces asked for, and without those that do
not pass the filters. So what is stale, foreign or made up in the index is never shown, and
never takes the place of what should be: the corpus answers then.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from retrieval.chunk import Vectors
from retrieval.circuit import CircuitBreaker
from retrieval.corpus.store import Corpus
from retrieval.dense.by_content import key_of
from retrieval.dense.segment import NO_ADDRESS, Addresses
from retrieval.dense.snapshot import Snapshot
from retrieval.engine_settings import TextEngineSettings
from retrieval.errors import StageError
from retrieval.lexical.base import Found, Question
from retrieval.projection.following import Following, Progress
from retrieval.projection.projection import Projection

T = TypeVar("T")
_THREADS = 8
DEEPEST = 10_000
"""An engine gives no more hits than this in one answer."""
_DEEPER = 8
_NOTHING = 2**64 - 1


class Hit(NamedTuple):
    """What an engine found: the hash of the content that was matched, and a score above 0."""

    content: object
    score: float


class WordIndex(Protocol):
    """The searches of an engine. All calls block, and raise one of `trouble` where they fail."""

    trouble: tuple[type[Exception], ...]

    def best(self, question: Question, depth: int) -> Sequence[Hit]:
        """Return the best `depth` hits, but never more than `DEEPEST`, best first."""
        ...

    def check(self) -> None:
        """Return if the engine answers, be it that there is no index."""
        ...

    def reason(self, error: Exception) -> str:
        """Return what went wrong, in one line."""
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...


class RemoteText:
    """A `TextEngine` that keeps its index equal to `corpus` in the background."""

    def __init__(
        self,
        name: str,
        corpus: Corpus,
        index: WordIndex,
        projection: AbstractContextManager[Projection],
        settings: TextEngineSettings,
        pause_s: float,
    ) -> None:
        self.name = name
        self._index = index
        # An answer that cannot be read is trouble as well.
        unreadable = (KeyError, TypeError, ValueError)
        self._trouble: tuple[type[Exception], ...] = (*index.trouble, *unreadable)
        self._most_lag_s = settings.most_lag_s
        self._closing = ExitStack()
        opened = self._closing.enter_context(projection)
        self._following = self._closing.enter_context(Following(corpus, opened, pause_s))
        # Threads of its own: those of other stages never wait for a network.
        self._threads = ThreadPoolExecutor(_THREADS, name.lower())
        self._open = False
        self._circuit = CircuitBreaker(
            name,
            lambda: self._in_thread(index.check),
            settings.patience_ms / 1000,
            settings.retry_ms / 1000,
            self._opened,
        )

    @property
    def available(self) -> bool:
        """Whether it is asked at the moment."""
        return not self._open

    @property
    def progress(self) -> Progress:
        """How far the index has followed the corpus."""
        return self._following.progress

    async def search(self, question: Question, snapshot: Snapshot, limit_s: float) -> Found:
        """Return the best rows of `snapshot`; `StageError` where it cannot answer in time."""

        async def ask() -> Found:
            work = self._in_thread(lambda: self._find(question, snapshot))
            return await asyncio.wait_for(work, limit_s)

        await self._require_fresh(question, limit_s)
        try:
            return await self._circuit.call(ask)
        except TimeoutError as error:
            raise StageError(f"{self.name} took longer than {limit_s:.1f} s") from error
        except self._trouble as error:
            raise StageError(f"{self.name} failed: {self._index.reason(error)}") from error

    def doubt(self) -> None:
        """Have the index looked through."""
        self._following.doubt()

    def close(self) -> None:
        """End the work in the background, and give connections back."""
        self._closing.close()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._index.close()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _require_fresh(self, question: Question, limit_s: float) -> None:
        if not self.progress.asked:
            await self._in_thread(lambda: self._following.wait(limit_s))
        progress = self.progress
        if progress.position is None:
            raise StageError(f"{self.name} does not have the passages of this corpus yet")
        if progress.position.version < question.at_least:
            raise StageError(
                f"{self.name} has applied version {progress.position.version}, and "
                f"not yet {question.at_least}"
            )
        if progress.lag_seconds > self._most_lag_s:
            raise StageError(
                f"{self.name} has lacked the newest passages for {progress.lag_seconds:.0f} s"
            )

    def _find(self, question: Question, snapshot: Snapshot) -> Found:
        depth = question.k
        while True:
            hits = self._index.best(question, depth)
            addresses, scores = _rows_of(hits, question, snapshot)
            if (addresses == NO_ADDRESS).any():
                self._following.doubt()
                raise StageError(
                    f"{self.name} found passages that version {snapshot.version} does not hold"
                )
            addresses, scores = _passing(addresses, scores, question, snapshot)
            if len(addresses) >= question.k or len(hits) < depth or depth >= DEEPEST:
                best = np.lexsort((addresses, -scores))[: question.k]
                return addresses[best], scores[best]
            # Some passages stood at the very end of a range.
            depth = min(depth * _DEEPER, DEEPEST)

    def _opened(self, is_open: bool) -> None:
        self._open = is_open
        if not is_open:
            self._following.hurry()


def _rows_of(hits: Sequence[Hit], question: Question, snapshot: Snapshot) -> Found:
    """Return where in the scope of `snapshot` each hit is, and its score."""
    keys = np.array([_content(hit.content) for hit in hits], np.uint64)
    scores = np.array([hit.score for hit in hits], np.float32)
    addresses, once = np.unique(snapshot.find(question.scope, keys), return_index=True)
    return addresses, scores[once]


def _content(content: object) -> int:
    """Return the key of what was matched, one that nothing has for an entry that is not ours."""
    try:
        return key_of(content) if isinstance(content, str) else _NOTHING
    except ValueError:
        return _NOTHING


def _passing(
    addresses: Addresses, scores: Vectors, question: Question, snapshot: Snapshot
) -> Found:
    """Leave out what does not pass the filters, as the corpus understands them."""
    if question.predicate is None or not len(addresses):
        return addresses, scores
    named = ", ".join(map(str, addresses.tolist()))
    table = snapshot.dataset.scanner(
        columns=[],
        filter=f"_rowaddr IN ({named}) AND ({question.predicate})",
        with_row_address=True,
    ).to_table()
    passing = np.isin(addresses, table["_rowaddr"].to_numpy())
    return addresses[passing], scores[passing]
