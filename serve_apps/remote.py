"""The embedder deployment as seen from other deployments."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
from ray.exceptions import RayError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from retrieval.chunk import Vectors
from retrieval.errors import OverloadedError, StageError
from serve_apps.tracing import carrier

# One message: large enough for full batches, small enough that no call hogs a replica.
_TEXTS_PER_CALL = 256
_CALLS_AT_ONCE = 2


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
    answer = method.remote(texts, carrier())
    try:
        vectors = await answer
    except asyncio.CancelledError:
        # The caller is late or gone: the embedder need not compute this any more.
        answer.cancel()  # type: ignore[no-untyped-call]
        raise
    except (BackPressureError, OverloadedError) as error:
        raise OverloadedError("the embedder has too much to do; try again later") from error
    except (DeploymentUnavailableError, RayError) as error:
        raise StageError(f"the embedder does not answer: {type(error).__name__}") from error
    return np.asarray(vectors, dtype=np.float32)
