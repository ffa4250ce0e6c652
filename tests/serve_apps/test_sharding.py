"""The gateway's side of shards: deployments, calls over handles, circuits, what is told."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from ray import serve
from ray.exceptions import ActorUnavailableError

from retrieval.corpus.store import Corpus
from retrieval.dense.index import Nearest, ShardState, Wanted
from retrieval.dense.shard import At
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.errors import StageError, StaleIndexError
from retrieval.jobs import JobStore
from retrieval.pipeline import Searcher
from retrieval.settings import DenseSettings
from serve_apps import remote
from serve_apps.api import create_app
from serve_apps.app import build, layouts
from serve_apps.guarded import GuardedShard
from serve_apps.metrics import Metrics
from serve_apps.remote_shard import RemoteShard
from serve_apps.services import Services
from serve_apps.settings import AppArgs, ServeSettings
from serve_apps.sharding import make_index, wait_for
from tests.embedders import WordEmbedder
from tests.retrieval.dense.sharding import shards_of
from tests.serve_apps.support import NotedLauncher, client_of, found, item, search, upsert

NONE = np.empty(0, np.int64)
NEAREST = Nearest(np.ones(32, np.float32), ("ns",), 5)


@pytest.mark.parametrize(
    ("shards", "former", "names"),
    [
        (1, 0, []),
        (2, 0, ["dense-shard-0-of-2", "dense-shard-1-of-2"]),
        (2, 1, ["dense-shard-0-of-2", "dense-shard-1-of-2"]),
        (2, 2, ["dense-shard-0-of-2", "dense-shard-1-of-2"]),
        (1, 2, ["dense-shard-0-of-2", "dense-shard-1-of-2"]),
        (3, 2, [f"dense-shard-{at}-of-{of}" for of in (3, 2) for at in range(of)]),
    ],
)
def test_former_shards_are_deployed_beside_the_present_ones(
    settings: AppArgs, shards: int, former: int, names: list[str]
) -> None:
    dense = DenseSettings(shards=shards, former_shards=former)
    changed = settings.model_copy(update={"dense": dense})
    arguments: Any = build(changed)._bound_deployment.init_args
    present, kept = arguments[3:5]
    assert all(isinstance(one, serve.Application) for one in (*present, *kept))
    assert [one._bound_deployment.name for one in (*present, *kept)] == names
    assert len(present) == layouts(changed)[0]


class Method:
    """A method of a handle, whose calls fail one after the other and then answer."""

    def __init__(self, answer: object, *errors: Exception) -> None:
        self.errors = list(errors)
        self.cancelled = 0
        self._answer = answer

    def remote(self, *_arguments: object) -> "Method":
        return self

    def __await__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
        yield from asyncio.sleep(0).__await__()
        if self.errors:
            raise self.errors.pop(0)
        return self._answer

    def cancel(self) -> None:
        """Note it."""
        self.cancelled += 1


class Handle:
    """A handle of a shard."""

    def __init__(self, *errors: Exception) -> None:
        nothing = np.empty(0, np.int64), np.empty(0, np.float32)
        self.nearest = Method(nothing, *errors)
        self.tell = Method(None, *errors)
        self.prepare = Method(ShardState(0, version=7), *errors)
        self.state = Method(ShardState(0, version=7), *errors)


def shard(*errors: Exception) -> RemoteShard:
    handle: Any = Handle(*errors)
    return RemoteShard(2, handle)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_PAUSES", (0.0, 0.0, 0.0))


async def test_a_search_that_a_replica_took_along_is_made_again() -> None:
    addresses, _ = await shard(ActorUnavailableError("gone", None)).nearest(At(1, 1), NEAREST)
    assert len(addresses) == 0
    gone = [ActorUnavailableError("gone", None) for _ in range(9)]
    with pytest.raises(StageError, match="the dense shard 2 does not answer"):
        await shard(*gone).nearest(At(1, 1), NEAREST)


async def test_a_version_that_is_gone_is_named() -> None:
    with pytest.raises(StaleIndexError, match="version 5 cannot be read"):
        await shard(StaleIndexError("version 5 cannot be read")).nearest(At(5, 5), NEAREST)


async def test_a_shard_that_does_not_answer_is_not_asked() -> None:
    metrics = Metrics()
    gone = [StageError("gone") for _ in range(3)]
    serve_settings = ServeSettings(shard_patience_ms=1_000, shard_retry_ms=60_000)
    guarded = GuardedShard(shard(*gone), 2, serve_settings, metrics)
    with pytest.raises(StageError, match="gone"):
        await guarded.nearest(At(1, 1), NEAREST)
    async with asyncio.timeout(30):
        while b'circuit_open{shard="2"} 1.0' not in metrics.expose():
            await asyncio.sleep(0.01)
    with pytest.raises(StageError, match="asked again every 60 s"):
        await guarded.tell(At(1, 1), Wanted(NEAREST.query, ("ns",), NONE, NONE))
    with pytest.raises(StageError, match="asked again every 60 s"):
        await guarded.prepare(At(1, 1))


async def test_a_gateway_waits_for_shards_and_goes_without_those_that_fail(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await wait_for([shard()], 60)
    assert not caplog.messages
    await wait_for([shard(), shard(StageError("no room"))], 60)
    (message,) = caplog.messages
    assert message.startswith("dense shard 1 has not come up within 60 s")


@pytest.fixture
def divided(settings: AppArgs, word_embedder: WordEmbedder) -> Iterator[Services]:
    """The parts of a gateway over three shards, which are in this process."""
    corpus = Corpus.open(settings.corpus_uri, word_embedder.identity)
    embedder, metrics = BatchingEmbedder(word_embedder), Metrics()
    with shards_of(corpus, 3) as shards:
        remotes: Any = [Stated(one) for one in shards]
        follower, index = make_index(settings, corpus, remotes, metrics)
        searcher = Searcher(corpus, embedder, settings.search, follower, index=index)
        services = Services(
            settings, corpus, embedder, searcher, JobStore(settings.state_url), NotedLauncher(),
            metrics,
        )  # fmt: skip
        yield services
        searcher.close(wait=True)
        embedder.close()
        services.jobs.close()


class Stated:
    """A shard of this process that can be asked how it is."""

    def __init__(self, shard: Any) -> None:
        self.nearest, self.tell, self.prepare = shard.nearest, shard.tell, shard.prepare

    async def state(self) -> ShardState:
        """Return nothing of interest."""
        return ShardState(0)


async def test_a_gateway_over_shards_tells_of_each(divided: Services) -> None:
    async with client_of(create_app(divided)) as client:
        items = [item(f"knot{at}-0", f"Knot number{at}.", namespace="knots") for at in range(30)]
        version = (await upsert(client, *items))["index_version"]
        asked = {"namespace": "knots", "k": 30, "min_index_version": version}
        answer = await search(client, "number7", **asked)
        assert (found(answer)[0], len(found(answer)), answer["degraded"]) == ("knot7-0", 30, [])
        await client.post("/hirag/admin/refresh")
        index = (await client.get("/hirag/admin/stats")).json()["index"]
        assert index["vectors"] == {"knots": 30}
        rows = [state["rows"] for state in index["shards"]]
        assert (len(rows), sum(rows)) == (3, 30)
        await told(client, 'pmoves_dense_shard_lag_seconds{shard="1"} 0.0')
        await told(client, f'pmoves_dense_shard_rows{{shard="2"}} {rows[2]:.1f}')


async def told(client: httpx.AsyncClient, line: str) -> None:
    """Wait until the metrics hold `line`."""
    async with asyncio.timeout(30):
        while line not in (await client.get("/metrics")).text:
            await asyncio.sleep(0.05)
