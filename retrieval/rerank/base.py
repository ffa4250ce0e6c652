"""The interface of rerankers."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from retrieval.errors import StageError

Pair = tuple[str, str]
Scores = NDArray[np.float32]


class RerankerState(BaseModel):
    """What a reranker says of itself.

    `model` is the name that was asked for, `resolved` what was loaded for it.
    """

    provider: str
    model: str
    resolved: str | None = None
    device: str | None = None
    cuda_available: bool = False
    use_fp16: bool = False
    loaded: bool = False
    errors: list[str] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)


class Reranker(Protocol):
    """Says of pairs of a query and a passage how well the passage answers, 0 to 1.

    Texts of any length may be given. Called from any thread, one call at a time.
    """

    @property
    def state(self) -> RerankerState:
        """What was loaded, and where it runs."""
        ...

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return the scores of `pairs`, float32 of shape (len(pairs),), in their order."""
        ...


class AsyncReranker(Protocol):
    """A reranker that many callers share.

    `per_call` is how many passages it likes in one call; a head is asked for in such
    parts, so that what is late costs its own part only.
    """

    @property
    def per_call(self) -> int:
        """The passages of one call."""
        ...

    async def score(self, query: str, passages: Sequence[str]) -> Scores:
        """Return the scores of `passages`, float32 of shape (len(passages),), each 0 to 1.

        Raises `StageError` or `OverloadedError` where there are none: never a score that
        was made up.
        """
        ...

    async def state(self) -> RerankerState:
        """Return what the reranker says of itself."""
        ...


def checked(scores: Sequence[float], count: int, whose: str) -> Scores:
    """Return `scores` as an array; `StageError` unless there are `count`, each 0 to 1.

    `whose` names where they are from.
    """
    try:
        found = np.asarray(scores, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise StageError(f"{whose} gave no numbers as scores: {error}") from error
    if found.shape != (count,):
        raise StageError(f"{whose} gave scores of shape {found.shape} for {count} passages")
    if not np.all((found >= 0) & (found <= 1)):
        raise StageError(
            f"{whose} gave a score outside 0 to 1 ({found.min():g} to {found.max():g}); "
            "where it gives raw logits, set rerank.scores to 'logit'"
        )
    return found
