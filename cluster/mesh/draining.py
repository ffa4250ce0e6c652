"""Closes the door of a running mesh, and waits for the requests that came in before."""

import signal
import time
from collections.abc import Collection, Iterable
from pathlib import Path

import psutil

from cluster.mesh.processes import mesh_processes
from cluster.mesh.state import MeshState
from serve_apps.environment import DOOR_CLOSED

_LOOK_EVERY_S = 0.2
# A connection may be between two requests for a moment.
_CLEAR_LOOKS = 3


def drain(state: MeshState, run_folder: Path, patience_s: float) -> bool:
    """Let nobody in any more; return whether all who were in were answered in time.

    `run_folder` holds HAProxy's files. HAProxy closes its port, and keeps connections to
    the gateway only for requests that are not answered yet.
    """
    proxies = [one for one in mesh_processes(state.mesh_id) if _is_haproxy(one)]
    if not proxies:
        return True
    (run_folder / DOOR_CLOSED).touch()
    for proxy in proxies:
        _soft_stop(proxy)
    return _wait_until_clear(proxies, {state.http_port, *state.ports.values()}, patience_s)


def _is_haproxy(process: psutil.Process) -> bool:
    try:
        return bool(process.name() == "haproxy")
    except psutil.Error:
        return False


def _soft_stop(proxy: psutil.Process) -> None:
    try:
        proxy.send_signal(signal.SIGUSR1)
    except psutil.Error:
        return


def _wait_until_clear(
    proxies: Iterable[psutil.Process], own_ports: Collection[int], patience_s: float
) -> bool:
    deadline, clear = time.monotonic() + patience_s, 0
    while clear < _CLEAR_LOOKS:
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_EVERY_S)
        clear = 0 if any(_asks_the_gateway(proxy, own_ports) for proxy in proxies) else clear + 1
    return True


def _asks_the_gateway(proxy: psutil.Process, own_ports: Collection[int]) -> bool:
    """Say whether `proxy` has a connection to a replica; to its own ports others connect."""
    try:
        return any(
            connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port not in own_ports
            for connection in proxy.net_connections("inet")
        )
    except psutil.Error:
        return False
