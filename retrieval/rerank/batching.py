"""Many callers, one reranking model; see `retrieval.gathering`."""

from collections.abc import Sequence

from retrieval.gathering import Gathering
from retrieval.rerank.base import Pair, Reranker, RerankerState, Scores

_PER_CALL = 8
_CHARACTERS_PER_TOKEN = 4


class BatchingReranker:
    """An `AsyncReranker` over a `Reranker`; use it from one event loop.

    Pairs of several callers make one batch of about `batch_tokens` padded tokens.
    `max_waiting` bounds the pairs that wait; above it, calls raise `OverloadedError`.
    """

    per_call = _PER_CALL

    def __init__(
        self, reranker: Reranker, batch_tokens: int = 8192, max_waiting: int = 10_000
    ) -> None:
        self._reranker = reranker
        self._gathering: Gathering[Pair] = Gathering(
            [reranker.score], (), batch_tokens, max_waiting, "pairs are waiting to be reranked"
        )

    @property
    def backlog_s(self) -> float:
        """Seconds that what waits now will take, by the speed of late."""
        return self._gathering.backlog_s

    async def score(self, query: str, passages: Sequence[str]) -> Scores:
        """Return the scores of `passages`; raises `OverloadedError`."""
        pairs = [(query, passage) for passage in passages]
        # The loop must stay free: tokens are guessed here, and counted in the worker thread.
        guessed = [2 + (len(query) + len(text)) // _CHARACTERS_PER_TOKEN for text in passages]
        return await self._gathering.submit(pairs, guessed)

    async def state(self) -> RerankerState:
        """Return what was loaded, and where it runs."""
        return self._reranker.state

    def close(self, *, wait: bool = False) -> None:
        """End the worker thread once its batch is done; with `wait`, return after that."""
        self._gathering.close(wait=wait)
