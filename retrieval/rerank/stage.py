"""The second look of a reranker at the best passages of a search."""

import asyncio
import contextlib
import logging
from asyncio import CancelledError
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.errors import PmovesError
from retrieval.query import NOT_CONFIGURED, TOO_LATE, Degraded, SearchRequest
from retrieval.rerank.base import AsyncReranker, Scores
from retrieval.rerank.cache import ScoreCache, score_key
from retrieval.settings import RerankSettings
from retrieval.stopwatch import Stopwatch

_LONGEST = 800
_STATE_S = 0.5
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of the head: its row address, and what it says."""

    address: int
    text: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class Reranked:
    """The scores of the first passages of the head, and what is to be said of the rest."""

    scores: dict[int, float]
    degraded: tuple[Degraded, ...] = ()


class RerankStage:
    """Asks the reranker for the scores of a head, the best passages first, until time is up.

    `model` names it in the keys of the score cache; `label` is what operators call it.
    `tell` hears for how many passages a score came from the `cache`, from the `model`, or
    from `none` of them.
    """

    def __init__(
        self,
        reranker: AsyncReranker,
        settings: RerankSettings,
        model: str,
        tell: Callable[[str, int], None] = lambda _source, _count: None,
    ) -> None:
        self.reranker = reranker
        self.settings = settings
        self.cache = ScoreCache(settings.cache_entries)
        self.label = ""
        self._model = model
        self._tell = tell
        self._provider: str | None = None

    async def provider(self) -> str:
        """Return who reranks: the one that was set, or that the reranker has chosen itself."""
        if self._provider is None and self.settings.provider == "auto":
            with contextlib.suppress(TimeoutError, PmovesError):
                state = await asyncio.wait_for(self.reranker.state(), _STATE_S)
                self._provider = state.provider
        return self._provider or self.settings.provider

    def wants(self, request: SearchRequest) -> bool:
        """Say whether `request` is to be reranked; a single side only where it asks for it."""
        if request.use_rerank is not None:
            return request.use_rerank
        return self.settings.by_default and request.mode == "hybrid"

    def head(self, request: SearchRequest) -> int:
        """Return how many passages are reranked."""
        return request.rerank_topn or max(self.settings.topn, request.rerank_k or 0)

    def hits(self, request: SearchRequest) -> int:
        """Return how many hits a reranked answer has."""
        if request.rerank_k:
            return request.rerank_k
        if self.settings.k and "k" not in request.model_fields_set:
            return min(self.settings.k, self.settings.topn)
        return request.k

    async def score(self, query: str, head: Sequence[Passage], watch: Stopwatch) -> Reranked:
        """Return the scores of `head`, which is in order, by address.

        What is not scored in time, or at all, is left out together with all that stand
        behind it, and the answer says so.
        """
        keys = [score_key(self._model, query, passage.content_hash) for passage in head]
        known = self.cache.find(keys)
        missing = [at for at, key in enumerate(keys) if key not in known]
        self._tell("cache", len(head) - len(missing))
        failure = None
        if missing:
            found, failure = await self._ask(query, [head[at] for at in missing], watch)
            new = {keys[missing[at]]: score for at, score in found.items()}
            self.cache.add(new)
            known |= new
            self._tell("model", len(found))
            self._tell("none", len(missing) - len(found))
        count = next((at for at, key in enumerate(keys) if key not in known), len(keys))
        scores = {head[at].address: known[keys[at]] for at in range(count)}
        return Reranked(scores, _said(failure, count, len(head)))

    async def _ask(
        self, query: str, passages: Sequence[Passage], watch: Stopwatch
    ) -> tuple[dict[int, float], BaseException | None]:
        """Ask for all passages at once, in parts; return what came in time, and why not all."""
        size = self.reranker.per_call
        tasks: dict[asyncio.Task[Scores], int] = {}
        for start in range(0, len(passages), size):
            texts = [passage.text for passage in passages[start : start + size]]
            task = asyncio.create_task(_scored(self.reranker, query, texts))
            tasks[task] = start
        try:
            limit = watch.seconds_left(self.settings.timeout_ms)
            done, late = await asyncio.wait(tasks, timeout=limit)
        finally:
            for task in tasks:
                task.cancel()
        found: dict[int, float] = {}
        failure: BaseException | None = TimeoutError() if late else None
        for task in done:
            if error := CancelledError() if task.cancelled() else task.exception():
                failure = error
                continue
            found |= dict(enumerate(task.result().tolist(), tasks[task]))
        return found, failure


async def _scored(reranker: AsyncReranker, query: str, texts: list[str]) -> Scores:
    scores = np.asarray(await reranker.score(query, texts), dtype=np.float32)
    assert scores.shape == (len(texts),)
    return scores


def _said(failure: BaseException | None, count: int, head: int) -> tuple[Degraded, ...]:
    if failure is None:
        return ()
    late = isinstance(failure, TimeoutError)
    reason = TOO_LATE if late else f"failed: {type(failure).__name__}: {failure}"[:_LONGEST]
    if not late:
        _LOG.warning("a search is not reranked: %s", reason)
    rest = f"; {count} of {head} passages are reranked" if count else ""
    return (Degraded(stage="rerank", reason=reason + rest),)


def not_configured(request: SearchRequest) -> list[Degraded]:
    """Return what is said where `request` asks for a reranker and there is none."""
    return [Degraded(stage="rerank", reason=NOT_CONFIGURED)] if request.use_rerank else []
