"""One strike: what is done to a process of the mesh, and the wait until the mesh is whole."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import psutil

from cluster.chaos.disk import fill_disk
from cluster.chaos.filling import fill
from cluster.chaos.mesh import RunningMesh
from cluster.chaos.parts import Part, Way
from cluster.errors import MeshError

_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Strike:
    """What is to be done; `pause_s` is how long a process stays stopped, or something full."""

    part: Part
    way: Way = "kill"
    pause_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Struck:
    """What was done: which processes ended or stood still, of how many of their kind, and when."""

    strike: Strike
    pids: tuple[int, ...]
    of: int
    at: float


async def strike_once(mesh: RunningMesh, strike: Strike, random: Random) -> Struck:
    """Kill or stop one process of the part, whichever `random` says, or fill what it stands for.

    A process that was stopped goes on when this returns. Raises `MeshError` where there is
    no such process, or where nothing may be filled.
    """
    found = await asyncio.to_thread(strike.part.find, mesh)
    if not found:
        raise MeshError(f"no process of the mesh is {strike.part.what}")
    process = found[random.choice(sorted(found))]
    # What a raylet has started ends with it.
    below = await asyncio.to_thread(process.children, recursive=True)
    hit = [process, *(below if strike.part.name == "head" else ())]
    at = time.monotonic()
    if strike.way == "kill":
        _send(hit, signal.SIGKILL)
        hit = [process, *below]
    elif strike.way == "freeze":
        await _freeze(hit, strike.pause_s)
    else:
        hit = []
        await _fill(mesh, strike)
    return Struck(strike, tuple(one.pid for one in hit), len(found), at)


async def _fill(mesh: RunningMesh, strike: Strike) -> None:
    if strike.way == "wait":
        await asyncio.sleep(strike.pause_s)
    elif strike.part.name == "disk":
        await fill_disk(mesh, strike.pause_s)
    else:
        await fill(mesh.state, strike.pause_s)


def _send(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for one in processes:
        # Serve may have ended it meanwhile.
        with contextlib.suppress(psutil.NoSuchProcess):
            one.send_signal(number)


async def _freeze(processes: Sequence[psutil.Process], seconds: float) -> None:
    _send(processes, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        _send(processes, signal.SIGCONT)


async def wait_until_whole(
    mesh: Callable[[], RunningMesh],
    struck: Struck,
    replicas: Mapping[str, int],
    bring_back: Callable[[], Awaitable[None]],
    limit_s: float,
) -> float:
    """Wait until nothing is missing any more; return the seconds since the strike.

    `bring_back` starts a mesh again whose head has ended. Raises `MeshError` past `limit_s`.
    """
    if struck.strike.part.ends_the_mesh and struck.strike.way == "kill":
        await bring_back()
    given_up = struck.at + limit_s
    while not await asyncio.to_thread(_is_whole, mesh(), struck, replicas):
        if time.monotonic() > given_up:
            raise MeshError(
                f"the mesh is not whole {limit_s:.0f} s after a strike at "
                f"{struck.strike.part.what}; `pmoves status` says what is missing."
            )
        await asyncio.sleep(_LOOK_EVERY_S)
    return time.monotonic() - struck.at


def _is_whole(mesh: RunningMesh, struck: Struck, replicas: Mapping[str, int]) -> bool:
    part = struck.strike.part
    there = part.find(mesh)
    ended = struck.pids if struck.strike.way == "kill" else ()
    if any(pid in there for pid in ended):
        return False
    # Replicas are counted by Serve.
    if not there and part.comes_back:
        return False
    return mesh.is_whole(replicas, ended)
