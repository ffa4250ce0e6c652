"""A real mesh that is searched and written to all the time, while parts of it are replaced and die.

It is the mesh that tests share, which ends here, under load. `make soak` kills one part after
the other in several rounds (PMOVES_TEST_ROUNDS), with a redeployment after each, leaves the
mesh with one gateway at last, and kills a second machine.
"""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from cluster.chaos.ledger import outcomes, unanswered
from cluster.chaos.load import Load, LoadPlan
from cluster.mesh.processes import mesh_processes
from cluster.mesh.state import read_state
from tests.cluster.meshes import ROOM, Mesh
from tests.serve_apps.second_machine import second_machine

ROUNDS = int(os.environ.get("PMOVES_TEST_ROUNDS", "0"))
pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(900 + 600 * ROUNDS),
    pytest.mark.late(1),
]
GATEWAY, EMBEDDER = "ServeReplica:pmoves:gateway", "ServeReplica:pmoves:embedder"
CONTROLLER, HAPROXY = "ServeController", "haproxy"
_MOVED = 20
_DRAIN_S = 60
_GATEWAYS = 3 if ROUNDS else 2
# Waits for a version that never comes, for as long as its client stays.
_WAITING = b'{"query": "x", "min_index_version": 1000000000, "timeout_ms": 300000}'


async def test_under_load(mesh: Mesh) -> None:
    async with Load(LoadPlan(mesh.state.url, searches_per_s=5)) as load:
        await load.answered(_MOVED)
        await redeploy_with(mesh, load, _GATEWAYS)
        await every_replica_answers(mesh, load)
        if not ROUNDS:
            await kill_all_but_the_door(mesh, load)
            await kill_haproxy(mesh, load)
        for number in range(ROUNDS):
            await kill_a_gateway(mesh, load)
            await kill_the_embedder(mesh, load)
            await kill_haproxy(mesh, load)
            await kill_the_controller(mesh, load)
            await redeploy_with(mesh, load, 3, drain_s=61 + number)
        if ROUNDS:
            await kill_a_machine(mesh, load)
            await redeploy_with(mesh, load, 1)
            await crowd_it(mesh, load)
            await kill_the_only_gateway(mesh, load)
        assert await load.lost_writes() == []
        await take_it_down(mesh, load)
    print(outcomes(load.ledger.entries))
    assert load.ledger.wrong == []


async def redeploy_with(
    mesh: Mesh, load: Load, gateways: int, embedders: int = 1, **more: object
) -> None:
    """Replace every replica, with another number of them: nobody notices.

    The reranker, whom nobody asks here, ends.
    """
    more |= {"embedder_replicas": embedders}
    before = mesh.processes(GATEWAY) | mesh.processes(EMBEDDER)
    async with watched(load, f"redeployed with {gateways}") as began:
        serve = {"gateway_replicas": gateways, **more}
        await asyncio.to_thread(mesh.deploy, serve=serve, rerank={"enabled": False})
        await healthy(mesh, gateways, embedders)
        await gone(before.values())
        await load.answered(_MOVED)
    assert unanswered(load.ledger.since(began)) == []


async def every_replica_answers(mesh: Mesh, load: Load) -> None:
    """All replicas have answered searches, and all are counted: whichever is asked tells it."""
    logs = mesh.home / "logs" / "ray" / "serve"
    living = mesh.processes(GATEWAY)
    async with asyncio.timeout(120):
        while True:
            texts = [log.read_text() for log in logs.glob("replica_*gateway*.log")]
            if sum("POST /hirag/query" in text for text in texts) > len(living):
                break
            await load.answered(_MOVED)
    async with httpx.AsyncClient(base_url=mesh.state.url) as client:
        text = (await client.get("/metrics")).text
    assert len(set(re.findall(r'replica="(\w+)"', text))) == len(living)


async def kill_all_but_the_door(mesh: Mesh, load: Load) -> None:
    """A gateway, the embedder and the controller at once: the other gateway goes on finding."""
    async with watched(load, "killed a gateway, the embedder and Serve's controller") as began:
        killed = {title: kill(mesh, title) for title in (GATEWAY, EMBEDDER, CONTROLLER)}
        await load.answered(_MOVED)
        for title, pid in killed.items():
            await replaced(mesh, title, pid, _GATEWAYS if title == GATEWAY else 1)
        await healthy(mesh, _GATEWAYS)
        await load.answered(_MOVED)
    lost = unanswered(load.ledger.since(began))
    assert [entry for entry in lost if entry.kind != "write"] == []
    assert {entry.outcome for entry in lost} <= {"refused cleanly", "broken off"}


async def kill_a_gateway(mesh: Mesh, load: Load) -> None:
    """Searches go to another replica; a write that was in its hands is lost to its caller.

    HAProxy refuses that cleanly, or closes a connection that was used before, which asks
    the client to try again.
    """
    async with watched(load, "killed a gateway") as began:
        killed = kill(mesh, GATEWAY)
        await load.answered(_MOVED)
        await replaced(mesh, GATEWAY, killed, _GATEWAYS)
        await healthy(mesh, _GATEWAYS)
    lost = unanswered(load.ledger.since(began))
    assert [entry for entry in lost if entry.kind != "write"] == []
    assert {entry.outcome for entry in lost} <= {"refused cleanly", "broken off"}
    assert len(lost) <= load.plan.most_writes


async def kill_the_embedder(mesh: Mesh, load: Load) -> None:
    """There is one embedder: searches go on, and writes wait or are refused cleanly."""
    async with watched(load, "killed the embedder") as began:
        killed = kill(mesh, EMBEDDER)
        await load.answered(_MOVED)
        await replaced(mesh, EMBEDDER, killed, 1)
        await healthy(mesh, _GATEWAYS)
        await load.answered(_MOVED)
    lost = unanswered(load.ledger.since(began))
    assert [entry for entry in lost if entry.outcome != "refused cleanly"] == []
    assert [entry for entry in lost if entry.kind == "search"] == []


async def kill_haproxy(mesh: Mesh, load: Load) -> None:
    """There is one door: until it is there again, nobody can connect.

    A new HAProxy refuses cleanly until Serve has told it of the replicas.
    """
    async with watched(load, "killed HAProxy") as began:
        killed, dead = kill(mesh, HAPROXY), time.monotonic()
        await replaced(mesh, HAPROXY, killed, 1)
        await load.answered(_MOVED)
    lost = unanswered(load.ledger.since(began))
    assert "failed" not in {entry.outcome for entry in lost}
    # Its connections close a moment after its end.
    assert all(entry.at <= dead + 1 for entry in lost if entry.outcome == "broken off")


async def kill_the_controller(mesh: Mesh, load: Load) -> None:
    """Nobody notices: it only decides, and is started again."""
    async with watched(load, "killed Serve's controller") as began:
        killed = kill(mesh, CONTROLLER)
        await replaced(mesh, CONTROLLER, killed, 1)
        await healthy(mesh, _GATEWAYS)
        await load.answered(_MOVED)
    assert unanswered(load.ledger.since(began)) == []


async def kill_a_machine(mesh: Mesh, load: Load) -> None:
    """A second machine joins, takes its share of the replicas, and its raylet dies with them.

    Others go on elsewhere, so that only a write in the hands of a gateway there is lost.
    """
    async with AsyncExitStack() as stack:
        joining = asyncio.to_thread(stack.enter_context, second_machine(mesh.state, _DRAIN_S))
        raylet = await joining
        await redeploy_with(mesh, load, 3, embedders=2)
        there = {title: replicas_of(mesh, raylet, title) for title in (GATEWAY, EMBEDDER)}
        assert there[GATEWAY]
        counted = ", ".join(f"{len(found)} {title}" for title, found in there.items())
        async with watched(load, f"killed a machine with {counted}") as began:
            raylet.kill()
            await load.answered(_MOVED)
            await gone([raylet, *there[GATEWAY], *there[EMBEDDER]])
            await replaced(mesh, GATEWAY, raylet.pid, 3)
            await replaced(mesh, EMBEDDER, raylet.pid, 2)
            await healthy(mesh, 3, 2)
            await load.answered(_MOVED)
    lost = unanswered(load.ledger.since(began))
    assert [entry for entry in lost if entry.kind != "write"] == []
    assert {entry.outcome for entry in lost} <= {"refused cleanly", "broken off"}
    assert len(lost) <= load.plan.most_writes


def replicas_of(mesh: Mesh, raylet: psutil.Process, title: str) -> list[psutil.Process]:
    """Return the replicas that are processes of `raylet`."""
    return [process for process in mesh.processes(title).values() if process.ppid() == raylet.pid]


async def crowd_it(mesh: Mesh, load: Load) -> None:
    """While others take all the room there is, the rest is refused cleanly; then no more."""
    head = f"POST /hirag/query HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(_WAITING)}"
    async with watched(load, "crowded the gateway") as began:
        lines = [await stay(mesh, head.encode() + b"\r\n\r\n" + _WAITING) for _ in range(ROOM)]
        async with asyncio.timeout(60):
            while not unanswered(load.ledger.since(began)):
                await asyncio.sleep(0.05)
        for line in lines:
            line.close()
        await load.answered(_MOVED)
        left = time.monotonic()
        await load.answered(_MOVED)
    assert {entry.outcome for entry in unanswered(load.ledger.since(began))} == {"refused cleanly"}
    assert [entry for entry in unanswered(load.ledger.since(began)) if entry.at > left] == []


async def stay(mesh: Mesh, request: bytes) -> asyncio.StreamWriter:
    """Send `request` on a connection of its own; return the client's end."""
    _, writer = await asyncio.open_connection("127.0.0.1", mesh.state.http_port)
    writer.write(request)
    await writer.drain()
    return writer


async def kill_the_only_gateway(mesh: Mesh, load: Load) -> None:
    """Nobody is left to answer: whoever is refused is told when to come back."""
    async with watched(load, "killed the only gateway") as began:
        killed, dead = kill(mesh, GATEWAY), time.monotonic()
        await replaced(mesh, GATEWAY, killed, 1)
        await healthy(mesh, 1)
        await load.answered(_MOVED)
    lost = unanswered(load.ledger.since(began))
    assert {entry.outcome for entry in lost} <= {"refused cleanly", "broken off"}
    # What the process had in hand; its connections close a moment after its end.
    assert all(entry.at <= dead + 1 for entry in lost if entry.outcome == "broken off")


async def take_it_down(mesh: Mesh, load: Load) -> None:
    """Whoever was let in is answered; nobody is turned away but at the closed door."""
    async with watched(load, "pmoves down") as began:
        down = await asyncio.to_thread(mesh.pmoves, "down")
        assert down.returncode == 0, down.stderr
    assert mesh_processes(mesh.state.mesh_id, Path(mesh.state.temp_dir)) == []
    assert read_state(mesh.home / "run") is None
    lost = unanswered(load.ledger.since(began))
    assert {entry.outcome for entry in lost} <= {"not connected"}, lost


@asynccontextmanager
async def watched(load: Load, what: str) -> AsyncIterator[float]:
    """Yield the moment from which the ledger counts; tell what it holds at the end."""
    began = time.monotonic()
    yield began
    entries = load.ledger.since(began)
    lost = [entry.at + entry.seconds - began for entry in unanswered(entries)]
    print(
        f"{what}: {time.monotonic() - began:.0f} s, {outcomes(entries)}, "
        f"{sum(entry.degraded for entry in entries)} degraded, "
        f"slowest {max((entry.seconds for entry in entries), default=0):.1f} s, "
        f"last failure after {max(lost, default=0):.1f} s"
    )
    for entry in unanswered(entries)[:5]:
        print("   ", entry)
    assert load.ledger.wrong == []


def kill(mesh: Mesh, title: str) -> int:
    """Kill one process of the mesh with SIGKILL; return its id."""
    pid, process = next(iter(mesh.processes(title).items()))
    process.send_signal(signal.SIGKILL)
    return pid


async def replaced(mesh: Mesh, title: str, killed: int, count: int) -> None:
    """Wait until `count` processes run again, the killed one not among them."""
    async with asyncio.timeout(240):
        while True:
            living = await asyncio.to_thread(mesh.processes, title)
            if killed not in living and len(living) >= count:
                return
            await asyncio.sleep(0.5)


async def healthy(mesh: Mesh, gateways: int, embedders: int = 1) -> None:
    """Wait until Serve has as many replicas as it wants, and the gateway is ready."""
    wanted = {"gateway": gateways, "embedder": embedders}
    async with asyncio.timeout(240):
        while not await asyncio.to_thread(mesh.is_whole, wanted):
            await asyncio.sleep(0.5)


async def gone(processes: Iterable[psutil.Process]) -> None:
    """Wait until all `processes` have ended."""
    async with asyncio.timeout(240):
        while any(process.is_running() for process in processes):
            await asyncio.sleep(0.5)
