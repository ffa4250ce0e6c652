"""Fills Ray's object store beyond its size, as a program that is a client of the mesh's Ray."""

import asyncio
import os
import sys
import time
from pathlib import Path

from cluster.errors import MeshError
from cluster.mesh.environment import client_environment
from cluster.mesh.state import MeshState

_OBJECT_BYTES = 8 * 2**20
_OVER = 1.25
_START_S = 120.0
_SOURCES = Path(__file__).resolve().parents[2]


async def fill(state: MeshState, seconds: float) -> None:
    """Keep more objects than the store holds for `seconds`.

    Raises `MeshError` where the store could not be filled.
    """
    environment = os.environ | client_environment(state)
    environment["PYTHONPATH"] = os.pathsep.join([str(_SOURCES), os.environ.get("PYTHONPATH", "")])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", __name__, str(seconds)),
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds + _START_S):
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise MeshError(f"the object store could not be filled: {said.decode()[-500:]}")


def main(seconds: float) -> None:
    """Put objects until they are more than fit, then hold them."""
    import ray

    ray.init(log_to_driver=False)
    try:
        capacity: float = ray.cluster_resources()["object_store_memory"]  # type: ignore[no-untyped-call]
        count = int(capacity * _OVER) // _OBJECT_BYTES
        held = [ray.put(os.urandom(_OBJECT_BYTES)) for _ in range(count)]
        time.sleep(seconds)
        del held
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main(float(sys.argv[1]))
