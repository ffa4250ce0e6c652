"""A second machine for a mesh, on this one: a raylet with an address and an HAProxy of its own.

As a program it starts the raylet whose parameters it is given as JSON, and ends with it.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from cluster.mesh.dashboard import Dashboard
from cluster.mesh.environment import mesh_environment
from cluster.mesh.ports import any_free_port
from cluster.mesh.state import MeshState
from retrieval.placement import TIER_LABEL
from serve_apps.environment import ServePorts, serve_environment

# All of 127.0.0.0/8 is this machine, and nobody else answers there.
ADDRESS = "127.0.0.2"
_JOIN_S = 120
_PORTS = (
    "dashboard_agent_listen_port",
    "metrics_agent_port",
    "runtime_env_agent_port",
    "metrics_export_port",
    "node_manager_port",
    "object_manager_port",
)


@contextmanager
def second_machine(state: MeshState, drain_s: int) -> Iterator[psutil.Process]:
    """Let a second machine join the mesh of `state` while the block runs; yield its raylet."""
    # A short path: it holds Unix sockets.
    with TemporaryDirectory(prefix="pm-", dir="/tmp") as folder:
        ports = ServePorts(any_free_port(), any_free_port(), any_free_port())
        environment = mesh_environment(state, {}, drain_s=drain_s)
        environment |= serve_environment(Path(folder) / "h", ports, drain_s=drain_s)
        _listen_elsewhere(Path(environment["RAY_SERVE_HAPROXY_BINARY_PATH"]), state.http_port)
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, json.dumps(_parameters(state))],
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield _joined(state, psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(60)


def _joined(state: MeshState, program: psutil.Process) -> psutil.Process:
    given_up = time.monotonic() + _JOIN_S
    with Dashboard(state) as dashboard:
        while not any(node.node_ip == ADDRESS for node in dashboard.nodes()):
            assert program.is_running(), "the raylet did not start"
            assert time.monotonic() < given_up, "the raylet did not join"
            time.sleep(0.5)
    return next(child for child in program.children() if child.name() == "raylet")


def _listen_elsewhere(wrapper: Path, port: int) -> None:
    """Let HAProxy listen at the second machine's address only, as it would there."""
    also, last = "-e 's/bind 127.0.0.1:{0}$/bind {1}:{0}/' ", "-e '/# pmoves$/d'"
    text = wrapper.read_text()
    assert last in text
    wrapper.write_text(text.replace(last, also.format(port, ADDRESS) + last))


def _parameters(state: MeshState) -> dict[str, Any]:
    return {
        "gcs_address": state.ray_address,
        "node_ip_address": ADDRESS,
        "num_cpus": 2,
        "memory": 2 * 2**30,
        "object_store_memory": 150 * 2**20,
        "labels": {TIER_LABEL: "cpu"},
        "include_log_monitor": False,
        **{name: any_free_port() for name in _PORTS},
    }


def _run(parameters: dict[str, Any]) -> None:
    # `ray start` refuses a second machine where the first is bound to loopback.
    from ray._private.node import Node
    from ray._private.parameter import RayParams

    node = Node(RayParams(**parameters), head=False, shutdown_at_exit=True, spawn_reaper=True)
    while not node.dead_processes():  # type: ignore[no-untyped-call]
        time.sleep(0.2)


if __name__ == "__main__":
    _run(json.loads(sys.argv[1]))
