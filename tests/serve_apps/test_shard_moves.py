"""The number of shards changes on a real mesh that is searched all the time; see `make soak`."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from cluster.mesh.bringup import serve_config
from cluster.mesh.dashboard import Dashboard
from cluster.mesh.processes import mesh_processes
from cluster.mesh.state import MeshState, read_state
from cluster.settings import Settings
from tests.serve_apps.support import Json, found, item, search, upsert
from tests.serve_apps.test_serve import SOURCES, free_port, pmoves

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(600),
    pytest.mark.soak,
]
_PASSAGES = 150
_ASKED = {"namespace": "knots", "mode": "dense", "k": _PASSAGES}


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[MeshState]:
    """A mesh with two shards."""
    inherited = {name: value for name, value in os.environ.items() if "PMOVES_" not in name}
    environment = inherited | {
        "PMOVES_HOME": str(tmp_path / "home"),
        "PMOVES_HTTP__PORT": str(free_port()),
        "PMOVES_RAY__READY_S": "240",
        "PMOVES_DENSE__SHARDS": "2",
        # On a machine this busy, a shard that is late is no fault.
        "PMOVES_SEARCH__DENSE_TIMEOUT_MS": "20000",
        "PMOVES_SEARCH__EMBED_TIMEOUT_MS": "20000",
        "PMOVES_SEARCH__TIMEOUT_MS": "40000",
        "PMOVES_SERVE__EMBEDDER_PATIENCE_MS": "20000",
        "PMOVES_SERVE__SHARD_PATIENCE_MS": "20000",
        "PYTHONPATH": str(SOURCES),
    }
    started = pmoves(environment, "up", "--detach")
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        state = read_state(tmp_path / "home" / "run")
        assert state is not None
        yield state
    finally:
        pmoves(environment, "down")


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


async def test_no_search_lacks_a_passage_while_shards_move(mesh: MeshState) -> None:
    async with httpx.AsyncClient(base_url=mesh.url, timeout=60, trust_env=False) as client:
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


async def moved(client: httpx.AsyncClient, mesh: MeshState, dense: Json, shards: int) -> None:
    """Redeploy, and wait until no gateway of before is left."""
    before = gateways(mesh)
    await asyncio.to_thread(deploy, mesh, dense)
    async with asyncio.timeout(200):
        while before & gateways(mesh) or not gateways(mesh):
            await asyncio.sleep(0.5)
        while len(await states(client)) != shards:
            await asyncio.sleep(0.5)


async def states(client: httpx.AsyncClient) -> list[Json]:
    """Return what the gateway says of its shards."""
    index = (await client.get("/hirag/admin/stats")).json()["index"]
    return list(index["shards"])


def deploy(mesh: MeshState, dense: Json) -> None:
    """Give Serve the application with these settings of `dense`."""
    settings = Settings(home=Path(mesh.home))
    settings.http.port = mesh.http_port
    with Dashboard(mesh) as dashboard:
        dashboard.deploy(serve_config(settings, mesh.serve_host, args={"dense": dense}), 60)


def gateways(mesh: MeshState) -> set[int]:
    """Return the processes of the gateway."""
    return processes(mesh, "Replica:pmoves:gateway")


def shards_of(mesh: MeshState, count: int) -> int:
    """Return how many shards of a division into `count` have a process."""
    return sum(bool(processes(mesh, f"dense-shard-{number}-of-{count}")) for number in range(count))


def processes(mesh: MeshState, title: str) -> set[int]:
    """Return the processes of the mesh whose title holds `title`."""
    running = mesh_processes(mesh.mesh_id, Path(mesh.temp_dir))
    return {one.pid for one in running if title in " ".join(one.cmdline())}
