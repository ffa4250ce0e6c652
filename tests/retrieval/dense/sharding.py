"""A corpus searched in shards within this process, as gateways search deployments."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from retrieval.chunk import Vectors
from retrieval.corpus.store import Corpus
from retrieval.dense.directory import Directory
from retrieval.dense.follower import DenseFollower
from retrieval.dense.holding import Holding, Share
from retrieval.dense.index import Nearest, ShardState, Wanted
from retrieval.dense.segment import Addresses
from retrieval.dense.shard import AsyncShard, At, DenseShard, Held, ThreadedShard
from retrieval.dense.sharded import ShardedIndex
from retrieval.dense.tiers import Sizes


@contextmanager
def shards_of(
    corpus: Corpus, count: int, sizes: Sizes | None = None
) -> Iterator[list[ThreadedShard]]:
    """The shards of `corpus`."""
    again = Corpus.open(corpus.uri, corpus.identity)
    shards = [
        DenseShard(number, DenseFollower(again, sizes, None, Holding(Share(number, count))))
        for number in range(count)
    ]
    with ThreadPoolExecutor(4) as threads:
        yield [ThreadedShard(shard, threads) for shard in shards]
    for shard in shards:
        shard.close()


@contextmanager
def sharded(
    corpus: Corpus, count: int, sizes: Sizes | None = None
) -> Iterator[tuple[ShardedIndex, Directory]]:
    """The index over the shards of `corpus`, and what a gateway over it follows."""
    directory = Directory(corpus)
    with shards_of(corpus, count, sizes) as shards:
        yield ShardedIndex(shards, directory), directory
    directory.close(wait=True)


class Troubled:
    """A shard that may be made to fail."""

    def __init__(self, shard: AsyncShard) -> None:
        self.error: Exception | None = None
        self.hangs = False
        self.lags = False
        self._shard = shard

    async def nearest(self, at: At, asked: Nearest) -> tuple[Addresses, Vectors]:
        """Answer as the shard does, if it may."""
        await self._trouble()
        return await self._shard.nearest(at, asked)

    async def tell(self, at: At, wanted: Wanted) -> Held:
        """Answer as the shard does, if it may."""
        await self._trouble()
        return await self._shard.tell(at, wanted)

    async def prepare(self, at: At) -> ShardState:
        """Answer as the shard does, if it may; one that lags is never done."""
        await self._trouble()
        return ShardState(0) if self.lags else await self._shard.prepare(at)

    async def _trouble(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.error:
            raise self.error


def troubled(shards: Sequence[AsyncShard]) -> list[Troubled]:
    """Return the shards, to be made to fail."""
    return [Troubled(shard) for shard in shards]
