"""Starts a head that asks for nodes, loads it, and writes as JSON which nodes came and went.

The nodes are those of Ray's fake provider, as in `ray.cluster_utils.AutoscalingCluster`, which
itself will not do: it begins by ending every Ray of this user. A program, since Ray leaves
sockets open in the process that it was used in.
"""

import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ray
from ray import serve
from ray.autoscaler._private.fake_multi_node.node_provider import (
    FAKE_HEAD_NODE_ID,
    FakeMultiNodeProvider,
)

from cluster.mesh.head import lines_with
from cluster.mesh.ports import any_free_port
from cluster.mesh.processes import MARK, end_mesh
from retrieval.placement import TIER_LABEL, Tier

APP = "growing"
# At rest, a node is given back after this.
_IDLE_MINUTES = 0.1
_WAIT_S = 120.0
_STORE = 100 * 2**20
# So many calls at once want a third replica, with room for a fourth, and so many all six.
_SOME, _MANY = 3, 24
_COMMANDS = (
    "initialization_commands",
    "setup_commands",
    "head_setup_commands",
    "worker_setup_commands",
    "head_start_ray_commands",
    "worker_start_ray_commands",
    "cluster_synced_files",
)
_LOGS = ("monitor.log", "monitor.err", "raylet.out")


def node_type(tier: Tier, gpus: int) -> dict[str, Any]:
    """Return a kind of node with room for two replicas, of which there may be one."""
    resources = {"CPU": 1, "GPU": gpus, "object_store_memory": _STORE}
    return {
        "resources": resources,
        "labels": {TIER_LABEL: tier},
        "node_config": {},
        "min_workers": 0,
        "max_workers": 1,
    }


def config(address: str) -> dict[str, Any]:
    """Return the autoscaler's configuration: a node of each tier may be had."""
    provider = {
        # By its class: the defaults of its own type are not in Ray's package.
        "type": "external",
        "module": f"{FakeMultiNodeProvider.__module__}.{FakeMultiNodeProvider.__name__}",
        "disable_node_updaters": True,
        "launch_multiple": True,
        "head_node_id": FAKE_HEAD_NODE_ID,
        "gcs_address": address,
    }
    head = {"resources": {"CPU": 1}, "node_config": {}, "max_workers": 0}
    return {
        "cluster_name": "growing",
        "max_workers": 3,
        "idle_timeout_minutes": _IDLE_MINUTES,
        "provider": provider,
        "upscaling_speed": 1.0,
        # What a launcher would run; the fake provider has none.
        **{name: [] for name in _COMMANDS},
        **{name: {} for name in ("auth", "docker", "file_mounts")},
        "available_node_types": {
            "ray.head.default": head | {"labels": {TIER_LABEL: "cpu"}},
            "plain": node_type("cpu", 0),
            "jetson": node_type("jetson", 1),
            "gpu": node_type("gpu", 1),
        },
        "head_node_type": "ray.head.default",
    }


@contextmanager
def head() -> Iterator[str]:
    """Run a head of one core, of the cpu tier, until the block ends; yield its address."""
    mark = f"growing-{os.getpid()}"
    with TemporaryDirectory(prefix="pm-", dir="/tmp") as folder:
        port = any_free_port()
        # Ray's own choice, for its nodes must find one another.
        own: str = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
        address = f"{own}:{port}"
        written = Path(folder) / "autoscaling.json"
        written.write_text(json.dumps(config(address)))
        with (Path(folder) / "head.log").open("wb") as log:
            subprocess.Popen(
                _command(port, written, Path(folder) / "ray"),
                env=os.environ | _environment() | {MARK: mark},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield address
        except BaseException:
            _show_logs(Path(folder))
            raise
        finally:
            end_mesh(mark)


def _show_logs(folder: Path) -> None:
    logs = folder / "ray" / "session_latest" / "logs"
    for log in (folder / "head.log", *(logs / name for name in _LOGS)):
        print(log.name, *lines_with(log, "")[-30:], sep="\n", file=sys.stderr)


def _command(port: int, autoscaling: Path, folder: Path) -> list[str]:
    options = {
        "--port": port,
        "--dashboard-port": any_free_port(),
        "--ray-client-server-port": any_free_port(),
        "--num-cpus": 1,
        "--memory": 2**30,
        "--object-store-memory": _STORE,
        "--labels": f"{TIER_LABEL}=cpu",
        "--autoscaling-config": autoscaling,
        "--temp-dir": folder,
    }
    given = [f"{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", *given]


def _environment() -> dict[str, str]:
    return {
        "RAY_FAKE_CLUSTER": "1",
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
        "RAY_enable_autoscaler_v2": "1",
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "RAY_CLOUD_INSTANCE_ID": FAKE_HEAD_NODE_ID,
        "RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD_NODE_ID,
    }


def tiers() -> list[str]:
    """Return the tiers of the nodes that are there."""
    nodes: Any = ray.nodes()  # type: ignore[no-untyped-call]
    return sorted(node["Labels"].get(TIER_LABEL, "any") for node in nodes if node["Alive"])


def wait(
    until: Callable[[], bool], fault: str, meanwhile: Callable[[], None] = lambda: None
) -> float:
    """Wait until it is so; return the seconds that it took."""
    began = time.monotonic()
    while not until():
        if time.monotonic() - began > _WAIT_S:
            raise TimeoutError(fault)
        meanwhile()
        time.sleep(0.2)
    return round(time.monotonic() - began, 1)


def main(target: Path) -> None:
    """Write what was seen to `target`."""
    with head() as address:
        _connect(address)
        seen = grows_and_shrinks()
        ray.shutdown()
    target.write_text(json.dumps(seen))


def _connect(address: str) -> None:
    """Wait for the head; Ray's client would end this process where none comes in time."""
    host, _, port = address.rpartition(":")
    wait(lambda: _listens(host, int(port)), "the head does not listen")
    wait(lambda: _joins(address), "no raylet of the head comes")


def _joins(address: str) -> bool:
    try:
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
    except ConnectionError:
        # A busy machine's raylet is there half a minute after its control service.
        return False
    return True


def _listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def grows_and_shrinks() -> dict[str, Any]:
    """Serve, ask some, ask much, ask nothing; return the nodes of each time."""
    serve.start(proxy_location="Disabled")
    handle = serve.run(_application(), name=APP, route_prefix=None)
    handle.remote().result(timeout_s=_WAIT_S)
    seen: dict[str, Any] = {"at rest": tiers()}
    calls: list[Any] = []
    for load, most, replicas in (("some", _SOME, 3), ("much", _MANY, 6)):
        seen[f"{load} load, replicas after s"] = _grown(handle, calls, most, replicas)
        seen[f"under {load} load"] = tiers()
    for call in calls:
        call.result(timeout_s=_WAIT_S)
    seen["nodes gone after s"] = wait(lambda: len(tiers()) == 1, "a node stays")
    return seen | {"at rest again": tiers(), "replicas left": running()}


def _grown(handle: Any, calls: list[Any], most: int, replicas: int) -> float:
    """Keep `most` calls on their way until there are `replicas` or more; return the seconds."""

    def ask() -> None:
        calls[:] = [call for call in calls if not _ended(call)]
        calls.extend(handle.remote() for _ in range(most - len(calls)))

    return wait(lambda: running() >= replicas, "replicas are missing", ask)


def _application() -> serve.Application:
    from tests.cluster.tiers.growing_app import build

    return build({})


def _ended(call: Any) -> bool:
    try:
        call.result(timeout_s=0)
    except TimeoutError:
        return False
    return True


def running() -> int:
    """Return how many replicas answer."""
    deployment = serve.status().applications[APP].deployments["growing"]
    return sum(count for state, count in deployment.replica_states.items() if state == "RUNNING")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
