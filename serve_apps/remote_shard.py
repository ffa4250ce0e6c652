"""A shard of the vectors as seen from a gateway.

Apart from the other deployments: what it speaks of imports FAISS and the corpus.
"""

from typing import Any

import numpy as np
from ray.serve.handle import DeploymentHandle

from retrieval.chunk import Vectors
from retrieval.dense.index import Nearest, ShardState, Wanted
from retrieval.dense.segment import Addresses
from retrieval.dense.shard import At, Held
from serve_apps.remote import ask, call
from serve_apps.tracing import carrier


class RemoteShard:
    """An `AsyncShard` over a handle of the deployment that holds share `number`.

    Each call raises `OverloadedError` or `StageError`, and `StaleIndexError` where the
    version is gone.
    """

    def __init__(self, number: int, handle: DeploymentHandle[Any]) -> None:
        self._name = f"dense shard {number}"
        self._handle = handle

    async def nearest(self, at: At, asked: Nearest) -> tuple[Addresses, Vectors]:
        """Return the nearest of its rows, best first."""
        found = await call(self._name, self._handle.nearest, at, asked, carrier())
        return np.asarray(found[0], np.int64), np.asarray(found[1], np.float32)

    async def tell(self, at: At, wanted: Wanted) -> Held:
        """Return what is wanted of those rows that it holds."""
        held = await call(self._name, self._handle.tell, at, wanted, carrier())
        assert isinstance(held, Held)
        return held

    async def prepare(self, at: At) -> ShardState:
        """Begin to apply a version; return its state."""
        state = await ask(self._name, self._handle.prepare, at)
        assert isinstance(state, ShardState)
        return state

    async def state(self) -> ShardState:
        """Return what it holds."""
        state = await ask(self._name, self._handle.state)
        assert isinstance(state, ShardState)
        return state
