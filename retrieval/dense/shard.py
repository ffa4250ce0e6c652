"""One shard: the rows of a share, searched at whatever version a gateway sees."""

import asyncio
import threading
import time
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.chunk import Vectors
from retrieval.dense.follower import DenseFollower
from retrieval.dense.gpu import Gpu
from retrieval.dense.index import Nearest, ShardState, Wanted, search_snapshot
from retrieval.dense.segment import Addresses
from retrieval.dense.snapshot import Snapshot
from retrieval.errors import StaleIndexError
from retrieval.matching import FilterCache

# Gateways change to a version at different moments, and searches under way end in the old one.
_KEPT = 8
_KEPT_S = 10.0
# Seconds after which a shard that is still at it says how far it is.
_MOMENT = 1.0

Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class At:
    """A version of the corpus: by its index version, and by that of the table."""

    index: int
    table: int

    @classmethod
    def of(cls, snapshot: Snapshot) -> "At":
        """Return the version that `snapshot` shows."""
        return cls(snapshot.version, int(snapshot.dataset.version))


@dataclass(frozen=True, slots=True)
class Held:
    """Which of the wanted rows a shard holds, by their positions, and what it knows of them."""

    scored: Positions
    products: Vectors
    shown: Positions
    vectors: Vectors


class AsyncShard(Protocol):
    """A shard as a gateway sees it; each call may raise `StageError`, or never return."""

    async def nearest(self, at: At, asked: Nearest) -> tuple[Addresses, Vectors]:
        """Return the nearest of its rows, best first."""
        ...

    async def tell(self, at: At, wanted: Wanted) -> Held:
        """Return what is wanted of those rows that it holds."""
        ...

    async def prepare(self, at: At) -> ShardState:
        """Begin to apply a version; return its state within some seconds, done or not."""
        ...


class DenseShard:
    """Answers about the rows that `follower` holds, by a `gpu` if there is one.

    Blocking; safe from any thread.
    """

    def __init__(self, number: int, follower: DenseFollower, gpu: Gpu | None = None) -> None:
        self._number = number
        self._gpu = gpu
        self._follower = follower
        self._filters = FilterCache()
        self._lock = threading.Lock()
        self._kept: dict[At, tuple[Snapshot, float]] = {}

    def nearest(self, at: At, asked: Nearest) -> tuple[Addresses, Vectors]:
        """Return the nearest of the rows here; `StaleIndexError` where the version is gone."""
        return search_snapshot(self._at(at), asked, self._filters, self._gpu)

    def tell(self, at: At, wanted: Wanted) -> Held:
        """Return what is wanted of the rows here; `StaleIndexError` where the version is gone."""
        snapshot, scope = self._at(at), wanted.namespaces
        scored = np.flatnonzero(snapshot.holds(scope, wanted.scored))
        shown = np.flatnonzero(snapshot.holds(scope, wanted.shown))
        return Held(
            scored,
            snapshot.products(wanted.query, scope, wanted.scored[scored]),
            shown,
            snapshot.vectors(scope, wanted.shown[shown]),
        )

    def apply(self, at: At) -> None:
        """Make that version ready to be searched; `StaleIndexError` where it is gone."""
        self._at(at)

    def state(self) -> ShardState:
        """Return what is held; the first call loads it."""
        snapshot = self._follower.snapshot
        rows = sum(snapshot.counts().values())
        return ShardState(self._number, rows, snapshot.version, snapshot.build)

    def close(self) -> None:
        """End the work in the background."""
        self._follower.close(wait=True)

    def _at(self, at: At) -> Snapshot:
        newest = self._follower.snapshot
        # The newest of them is made anew in the background, and is asked for each time.
        if At.of(newest) == at:
            return self._keep(at, newest)
        with self._lock:
            kept = self._kept.get(at)
        return self._keep(at, kept[0] if kept else self._made(at))

    def _made(self, at: At) -> Snapshot:
        try:
            snapshot = self._follower.refresh_to(at.table)
        except (OSError, ValueError) as error:
            gone = f"index version {at.index} cannot be read any more: {error}"
            raise StaleIndexError(gone[:300]) from error
        if snapshot.version != at.index:
            raise StaleIndexError(f"index version {at.index} was lost by a restoration")
        return snapshot

    def _keep(self, at: At, snapshot: Snapshot) -> Snapshot:
        now = time.monotonic()
        with self._lock:
            self._kept.pop(at, None)
            self._kept[at] = snapshot, now
            while len(self._kept) > _KEPT or self._oldest() < now - _KEPT_S:
                del self._kept[next(iter(self._kept))]
        return snapshot

    def _oldest(self) -> float:
        return next(iter(self._kept.values()))[1]


class ThreadedShard:
    """An `AsyncShard` in this process; `shard` works in `threads`."""

    def __init__(self, shard: DenseShard, threads: Executor) -> None:
        self._shard = shard
        self._threads = threads
        self._applying: asyncio.Future[None] | None = None

    async def nearest(self, at: At, asked: Nearest) -> tuple[Addresses, Vectors]:
        """Return the nearest of its rows, best first."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._shard.nearest, at, asked)

    async def tell(self, at: At, wanted: Wanted) -> Held:
        """Return what is wanted of those rows that it holds."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._shard.tell, at, wanted)

    async def prepare(self, at: At) -> ShardState:
        """Begin to apply a version; return its state after a second at the latest."""
        loop = asyncio.get_running_loop()
        if self._applying is None or self._applying.done():
            self._applying = loop.run_in_executor(None, self._shard.apply, at)
        applying = self._applying
        await asyncio.wait([applying], timeout=_MOMENT)
        if applying.done():
            applying.result()
        return self._shard.state()
