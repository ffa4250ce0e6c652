"""Who is asked for the vectors nearest to a question, and what he is asked.

An index answers about the snapshot that the whole search sees, so that all its parts agree.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from retrieval.chunk import Vectors
from retrieval.corpus.filters import RowTest
from retrieval.dense.gpu import Gpu
from retrieval.dense.segment import Addresses
from retrieval.dense.snapshot import Snapshot
from retrieval.matching import FilterCache

VectorsOf = Callable[[Addresses], Vectors]
NOBODY: frozenset[int] = frozenset()
# So few rows are compared in 0.14 ms, and to hand them to a thread and back costs as much CPU.
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Nearest:
    """Asks for the `k` rows nearest to `query`, shape (dimension,), in `namespaces`.

    `test` is what the rows have to meet, namespaces included.
    """

    query: Vectors
    namespaces: tuple[str, ...]
    k: int
    test: RowTest | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Asks for the inner products of `query` with the rows `scored`, and for vectors of `shown`.

    `without` are shards that need not be asked, since they have just not answered.
    """

    query: Vectors
    namespaces: tuple[str, ...]
    scored: Addresses
    shown: Addresses
    without: frozenset[int] = NOBODY


@dataclass(frozen=True, slots=True)
class Near:
    """The nearest rows and their inner products, best first; equal ones by address.

    `note` says what is missing of an answer of which a part is, and `lost` which shards.
    """

    addresses: Addresses
    scores: Vectors
    note: str | None = None
    lost: frozenset[int] = NOBODY


@dataclass(frozen=True, slots=True)
class Told:
    """Inner products by address, of those rows that could be asked for.

    `vectors` gives the vectors of rows; zeros for those that could not. None stands for
    the snapshot's own. `note` says what is missing.
    """

    products: dict[int, float]
    vectors: VectorsOf | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ShardState:
    """What a shard holds: rows, and the index version that it has applied.

    `lag_s` tells for how many seconds it has been behind what is searched, `up` whether it
    answered last; `build` is that of `Snapshot`.
    """

    number: int
    rows: int = 0
    version: int = 0
    build: int = 0
    lag_s: float = 0.0
    up: bool = True


class DenseIndex(Protocol):
    """Answers about vectors; use it from one event loop."""

    async def ready(self, snapshot: Snapshot) -> None:
        """Return once `snapshot` can be searched, or whatever can answer has done what it can."""
        ...

    async def nearest(self, snapshot: Snapshot, asked: Nearest, limit_s: float) -> Near:
        """Return the nearest rows of `snapshot`.

        Raises `TimeoutError` after `limit_s`, `StageError` where nothing can answer, and
        `FilterError` for a bad test.
        """
        ...

    async def tell(self, snapshot: Snapshot, wanted: Wanted, limit_s: float) -> Told:
        """Return what is known of rows of `snapshot` after `limit_s` seconds; never raises."""
        ...

    def shards(self) -> list[ShardState]:
        """Return the state of each shard; none where the vectors are in this process."""
        ...


@dataclass(frozen=True, slots=True)
class InProcessIndex:
    """The index whose vectors are those of the snapshot itself; searches run in `threads`.

    `filters` are remembered together with the lexical side.
    """

    threads: Executor
    filters: FilterCache = field(default_factory=FilterCache)

    async def ready(self, snapshot: Snapshot) -> None:
        """Return at once: the snapshot is all there is."""

    async def nearest(self, snapshot: Snapshot, asked: Nearest, limit_s: float) -> Near:
        """Return the nearest rows of `snapshot`."""
        if asked.test is None and snapshot.count(asked.namespaces) <= _AT_ONCE:
            return Near(*search_snapshot(snapshot, asked, self.filters))
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self.threads, search_snapshot, snapshot, asked, self.filters)
        return Near(*await asyncio.wait_for(work, limit_s))

    async def tell(self, snapshot: Snapshot, wanted: Wanted, limit_s: float) -> Told:
        """Return products; the vectors can be had of the snapshot."""
        products = snapshot.products(wanted.query, wanted.namespaces, wanted.scored)
        return Told(dict(zip(wanted.scored.tolist(), products.tolist(), strict=True)))

    def shards(self) -> list[ShardState]:
        """Return none."""
        return []


def search_snapshot(
    snapshot: Snapshot, asked: Nearest, filters: FilterCache, gpu: Gpu | None = None
) -> tuple[Addresses, Vectors]:
    """Return the rows of `snapshot` nearest to what is `asked`, best first."""
    allowed = None
    if asked.test is not None:
        allowed = filters.rows(snapshot.dataset, asked.test)
    return snapshot.search(asked.query, asked.namespaces, asked.k, allowed, gpu)


def best(addresses: Addresses, scores: Vectors, k: int) -> tuple[Addresses, Vectors]:
    """Return the `k` best of some rows, best first; of equal ones the lower address."""
    order = np.lexsort((addresses, -scores))[:k]
    return addresses[order], scores[order]
