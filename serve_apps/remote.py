"""The embedder and the reranker as seen from other deployments, and how these are called."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from grpc import RpcError
from ray.exceptions import RayActorError, RayError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from retrieval.chunk import Vectors
from retrieval.errors import EmbeddingIdentityError, OverloadedError, StageError, StaleIndexError
from retrieval.rerank.base import RerankerState, Scores
from serve_apps.tracing import carrier

# One message: large enough for full batches, small enough that no call hogs a replica.
_TEXTS_PER_CALL = 256
_CALLS_AT_ONCE = 2
# Few, so that a head which is late has part of its scores.
_PASSAGES_PER_CALL = 8
# Seconds between attempts; the router looks for another replica before each.
_PAUSES = (0.05, 0.2, 0.5)


class ReplicaLostError(StageError):
    """The replica that had the call is gone."""


class RemoteEmbedder:
    """An `AsyncEmbedder` over a handle of the embedder deployment."""

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._queries = handle.embed_queries
        self._passages = handle.embed_passages

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions.

        Raises `OverloadedError` or `StageError`, and `EmbeddingIdentityError` where another
        model answers over HTTP than was asked for.
        """
        return await _embedded(self._queries, list(texts))

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages, a few hundred a call; raises as `embed_queries` does."""
        parts = [
            list(texts[start : start + _TEXTS_PER_CALL])
            for start in range(0, len(texts), _TEXTS_PER_CALL)
        ]
        if len(parts) <= 1:
            return await _embedded(self._passages, list(texts))
        slots = asyncio.Semaphore(_CALLS_AT_ONCE)

        async def embed(part: list[str]) -> Vectors:
            async with slots:
                return await _embedded(self._passages, part)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(embed(part)) for part in parts]
        except ExceptionGroup as failed:
            # The others were given up with the first.
            raise failed.exceptions[0] from None
        return np.concatenate([task.result() for task in tasks])


class RemoteReranker:
    """An `AsyncReranker` over a handle of the reranker deployment."""

    per_call = _PASSAGES_PER_CALL

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._score = handle.score
        self._state = handle.state

    async def score(self, query: str, passages: Sequence[str]) -> Scores:
        """Score `passages`; raises `OverloadedError` or `StageError`."""
        scores = await call("reranker", self._score, query, list(passages), carrier())
        return np.asarray(scores, dtype=np.float32)

    async def state(self) -> RerankerState:
        """Return what the deployment says of itself; raises `StageError`."""
        state = await ask("reranker", self._state)
        assert isinstance(state, RerankerState)
        return state


async def _embedded(method: DeploymentHandle[Any], texts: list[str]) -> Vectors:
    vectors = await call("embedder", method, texts, carrier())
    return np.asarray(vectors, dtype=np.float32)


async def call(who: str, method: DeploymentHandle[Any], *arguments: object) -> Any:
    """As `ask`, anew where a replica died with the call: it gives the same answer."""
    for pause in _PAUSES:
        with contextlib.suppress(ReplicaLostError):
            return await ask(who, method, *arguments)
        await asyncio.sleep(pause)
    return await ask(who, method, *arguments)


async def ask(who: str, method: DeploymentHandle[Any], *arguments: object) -> Any:
    """Call `method` of the deployment `who` once.

    Raises `OverloadedError`, `StageError`, `ReplicaLostError` where the replica died with the
    call, and what the deployment itself raises of `EmbeddingIdentityError` or `StaleIndexError`.
    """
    answer = method.remote(*arguments)
    try:
        return await answer
    except asyncio.CancelledError:
        # The caller is late or gone: nobody needs to compute this any more.
        answer.cancel()  # type: ignore[no-untyped-call]
        raise
    except (BackPressureError, OverloadedError) as error:
        raise OverloadedError(f"the {who} has too much to do; try again later") from error
    except (RayActorError, RpcError) as error:
        raise ReplicaLostError(_silent(who, error)) from error
    except EmbeddingIdentityError as error:
        raise EmbeddingIdentityError(str(getattr(error, "cause", error))) from error
    except StaleIndexError as error:
        raise StaleIndexError(str(getattr(error, "cause", error))) from error
    except StageError as error:
        # Ray's error is one of that class too, but its text is the whole trace.
        raise StageError(str(getattr(error, "cause", error))) from error
    except (DeploymentUnavailableError, RayError) as error:
        raise StageError(_silent(who, error)) from error


def _silent(who: str, error: Exception) -> str:
    return f"the {who} does not answer: {type(error).__name__}"
