"""The embedder deployment as seen from other deployments."""

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
from retrieval.errors import OverloadedError, StageError
from serve_apps.tracing import carrier

# One message: large enough for full batches, small enough that no call hogs a replica.
_TEXTS_PER_CALL = 256
_CALLS_AT_ONCE = 2
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
        """Embed questions; raises `OverloadedError` or `StageError`."""
        return await _call(self._queries, list(texts))

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages, a few hundred a call; raises `OverloadedError` or `StageError`."""
        parts = [
            list(texts[start : start + _TEXTS_PER_CALL])
            for start in range(0, len(texts), _TEXTS_PER_CALL)
        ]
        if len(parts) <= 1:
            return await _call(self._passages, list(texts))
        slots = asyncio.Semaphore(_CALLS_AT_ONCE)

        async def embed(part: list[str]) -> Vectors:
            async with slots:
                return await _call(self._passages, part)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(embed(part)) for part in parts]
        return np.concatenate([task.result() for task in tasks])


async def _call(method: DeploymentHandle[Any], texts: list[str]) -> Vectors:
    """Embed `texts`, anew where a replica died with them: the same call gives the same vectors."""
    for pause in _PAUSES:
        with contextlib.suppress(ReplicaLostError):
            return await _ask(method, texts)
        await asyncio.sleep(pause)
    return await _ask(method, texts)


async def _ask(method: DeploymentHandle[Any], texts: list[str]) -> Vectors:
    answer = method.remote(texts, carrier())
    try:
        vectors = await answer
    except asyncio.CancelledError:
        # The caller is late or gone: the embedder need not compute this any more.
        answer.cancel()  # type: ignore[no-untyped-call]
        raise
    except (BackPressureError, OverloadedError) as error:
        raise OverloadedError("the embedder has too much to do; try again later") from error
    except (RayActorError, RpcError) as error:
        raise ReplicaLostError(_silent(error)) from error
    except (DeploymentUnavailableError, RayError) as error:
        raise StageError(_silent(error)) from error
    return np.asarray(vectors, dtype=np.float32)


def _silent(error: Exception) -> str:
    return f"the embedder does not answer: {type(error).__name__}"
