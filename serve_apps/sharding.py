"""The dense index of a gateway: in its own process, or in shards elsewhere."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from ray.serve.handle import DeploymentHandle

from retrieval.corpus.store import Corpus
from retrieval.dense.directory import Directory
from retrieval.dense.follower import DenseFollower
from retrieval.dense.index import DenseIndex
from retrieval.dense.opening import open_follower
from retrieval.dense.sharded import ShardedIndex
from serve_apps.guarded import GuardedShard
from serve_apps.metrics import Metrics
from serve_apps.remote_shard import RemoteShard
from serve_apps.settings import AppArgs

_log = logging.getLogger(__name__)


def make_index(
    settings: AppArgs, corpus: Corpus, shards: Sequence[RemoteShard], metrics: Metrics
) -> tuple[DenseFollower, DenseIndex | None]:
    """Return what a gateway follows, and the index over `shards` if there are any.

    The i-th of them holds share i.
    """
    if not shards:
        return open_follower(corpus, settings), None
    directory = Directory(corpus)
    guarded = [
        GuardedShard(shard, number, settings.serve, metrics) for number, shard in enumerate(shards)
    ]
    return directory, ShardedIndex(guarded, directory)


def remote_shards(handles: Sequence[DeploymentHandle[Any]]) -> list[RemoteShard]:
    """Return the shards behind `handles`, in their order."""
    return [RemoteShard(number, handle) for number, handle in enumerate(handles)]


async def wait_for(shards: Sequence[RemoteShard], seconds: float) -> None:
    """Return once all `shards` have loaded, or after `seconds` with a warning.

    Until then the gateways of before answer, whose shards are still there.
    """
    if not shards:
        return
    tasks = [asyncio.create_task(shard.state()) for shard in shards]
    await asyncio.wait(tasks, timeout=seconds)
    for number, task in enumerate(tasks):
        if task.cancel() or task.exception():
            _log.warning(
                "dense shard %d has not come up within %g s: searches go without it; see its log, "
                "and `pmoves tiers` for a node with room",
                number,
                seconds,
            )
