"""The number of shards changes on a real mesh that is searched all the time; see `make soak`."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.cluster.meshes import Mesh, started_mesh
from tests.serve_apps.support import Json, found, item, search, upsert

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(600),
    pytest.mark.soak,
]
_PASSAGES = 150
_ASKED = {"namespace": "knots", "mode": "dense", "k": _PASSAGES}


@pytest.fixture
def own_mesh(tmp_path: Path) -> Iterator[Mesh]:
    """A mesh with two shards."""
    with started_mesh(
        tmp_path / "home",
        PMOVES_DENSE__SHARDS="2",
        PMOVES_SEARCH__EMBED_TIMEOUT_MS="20000",
        PMOVES_SEARCH__TIMEOUT_MS="40000",
        PMOVES_SERVE__EMBEDDER_PATIENCE_MS="20000",
        PMOVES_SERVE__SHARD_PATIENCE_MS="20000",
    ) as mesh:
        yield mesh


@dataclass
class Searching:
    """Searches one after another until it is stopped, and what they found."""

    client: httpx.AsyncClient
    answers: list[Json] = field(default_factory=list)
    stopped: bool = False

    async def run(self) -> None:
        """Search on."""
        while not self.stopped:
            self.answers.append(await search(self.client, "knot", **_ASKED))


async def test_no_search_lacks_a_passage_while_shards_move(own_mesh: Mesh) -> None:
    mesh = own_mesh
    async with httpx.AsyncClient(base_url=mesh.state.url, timeout=60, trust_env=False) as client:
        items = [
            item(f"k{at}-0", f"Knot number{at}.", namespace="knots") for at in range(_PASSAGES)
        ]
        version = (await upsert(client, *items))["index_version"]
        await search(client, "knot", min_index_version=version, **_ASKED)
        load = Searching(client)
        running = asyncio.create_task(load.run())
        await moved(client, mesh, {"shards": 3, "former_shards": 2}, 3)
        assert shards_of(mesh, 2) == 2
        await moved(client, mesh, {"shards": 3}, 3)
        async with asyncio.timeout(90):
            while shards_of(mesh, 2):
                await asyncio.sleep(0.5)
        load.stopped = True
        await running
    print(f"{len(load.answers)} searches while the shards moved")
    assert [answer["degraded"] for answer in load.answers if answer["degraded"]] == []
    assert {len(found(answer)) for answer in load.answers} == {_PASSAGES}


async def moved(client: httpx.AsyncClient, mesh: Mesh, dense: Json, shards: int) -> None:
    """Redeploy, and wait until no gateway of before is left."""
    before = gateways(mesh)
    await asyncio.to_thread(mesh.deploy, dense=dense)
    async with asyncio.timeout(200):
        while before & gateways(mesh) or not gateways(mesh):
            await asyncio.sleep(0.5)
        while len(await states(client)) != shards:
            await asyncio.sleep(0.5)


async def states(client: httpx.AsyncClient) -> list[Json]:
    """Return what the gateway says of its shards."""
    index = (await client.get("/hirag/admin/stats")).json()["index"]
    return list(index["shards"])


def gateways(mesh: Mesh) -> set[int]:
    """Return the processes of the gateway."""
    return set(mesh.processes("ServeReplica:pmoves:gateway"))


def shards_of(mesh: Mesh, count: int) -> int:
    """Return how many shards of a division into `count` have a process."""
    titles = [f"ServeReplica:pmoves:dense-shard-{number}-of-{count}" for number in range(count)]
    return sum(bool(mesh.processes(title)) for title in titles)
