"""A reranking model in this process, whichever library runs it."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from retrieval.embedding.batches import token_batches
from retrieval.rerank.base import Pair, RerankerState, Scores, checked
from retrieval.rerank.windows import Windows


class PairModel(Protocol):
    """A loaded model; pairs fit what it reads and make one batch."""

    @property
    def tokenizer(self) -> Any:
        """Its tokenizer, a fast one of transformers."""
        ...

    @property
    def max_tokens(self) -> int:
        """The longest input."""
        ...

    @property
    def overhead(self) -> int:
        """The tokens that it puts around a pair."""
        ...

    def probabilities(self, pairs: list[Pair]) -> Sequence[float]:
        """Return how well each passage answers its query, 0 to 1."""
        ...


class LocalReranker:
    """A `Reranker` over a loaded model.

    A passage that is longer than the model reads is scored by overlapping windows, and
    the best of them counts. Windows are sorted by length and cut into batches of about
    `batch_tokens` padded tokens.
    """

    def __init__(self, model: PairModel, state: RerankerState, batch_tokens: int) -> None:
        self._model = model
        self._state = state
        self._batch_tokens = batch_tokens
        self._windows = Windows(model.tokenizer, model.max_tokens, model.overhead)

    @property
    def state(self) -> RerankerState:
        """What was loaded, and where it runs."""
        return self._state

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return the scores of `pairs`, float32 of shape (len(pairs),)."""
        best = np.zeros(len(pairs), dtype=np.float32)
        windows = self._windows.of(pairs)
        lengths = [window.tokens for window in windows]
        for batch in token_batches(lengths, self._batch_tokens):
            found = self._model.probabilities([windows[at].texts for at in batch])
            scores = checked(found, len(batch), self._state.model)
            np.maximum.at(best, [windows[at].pair for at in batch], scores)
        return best
