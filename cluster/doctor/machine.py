"""Disk, memory and ports of this machine."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil

from cluster.access.choose import running_mesh
from cluster.doctor.finding import Finding, fail, ok, warn
from cluster.errors import MeshError
from cluster.mesh.ports import holder, is_free
from cluster.settings import GIB, MIB, Settings

_DISK_FAIL = 500 * MIB
_DISK_WARN = 5 * GIB
_MEMORY_FAIL = GIB
_MEMORY_WARN = 3 * GIB


def check_machine(settings: Settings) -> Iterator[Finding]:
    """Check that there is room, and that the gateway's port is ours."""
    yield _disk(settings.home)
    yield _memory()
    yield _shared_memory(settings)
    yield _port(settings)


def _disk(home: Path) -> Finding:
    folder = next(path for path in [home.absolute(), *home.absolute().parents] if path.exists())
    free = shutil.disk_usage(folder).free
    detail = f"{free / GIB:.1f} GiB free at {folder}"
    advice = "Free some space, or set PMOVES_HOME to a larger disk."
    if free < _DISK_FAIL:
        return fail("disk", detail, advice)
    return warn("disk", detail, advice) if free < _DISK_WARN else ok("disk", detail)


def _memory() -> Finding:
    available = psutil.virtual_memory().available
    detail = f"{available / GIB:.1f} GiB available"
    advice = "The mesh needs about 3 GiB: end something else."
    if available < _MEMORY_FAIL:
        return fail("memory", detail, advice)
    return warn("memory", detail, advice) if available < _MEMORY_WARN else ok("memory", detail)


def _shared_memory(settings: Settings) -> Finding:
    folder = Path("/dev/shm")
    if not folder.is_dir():
        return ok("shared memory", "Ray keeps its objects in files here")
    free = shutil.disk_usage(folder).free
    wanted = settings.ray.object_store_memory
    detail = f"{free / MIB:.0f} MiB free, the object store takes {wanted / MIB:.0f} MiB"
    if free < wanted:
        advice = "Give the container more (--shm-size), or lower PMOVES_RAY__OBJECT_STORE_MEMORY."
        return warn("shared memory", detail, advice)
    return ok("shared memory", detail)


def _port(settings: Settings) -> Finding:
    host, port = settings.http.host, settings.http.port
    if is_free(host, port):
        return ok("port", f"{port} on {host} is free")
    if _is_ours(settings):
        return ok("port", f"{port} on {host} is this mesh's")
    return fail(
        "port",
        f"{port} on {host} is taken by {holder(port) or 'another process'}",
        "End that process, or choose another port with PMOVES_HTTP__PORT.",
    )


def _is_ours(settings: Settings) -> bool:
    try:
        state = running_mesh(settings)
    except MeshError:
        return False
    return state is not None and state.http_port == settings.http.port
