"""The environment that every process of a mesh inherits."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from cluster.mesh.processes import FOLDER_MARK, HOME_MARK, MARK
from cluster.mesh.state import MeshState
from serve_apps.environment import ServePorts, serve_environment

# Ray itself would otherwise listen on every interface: it replaces a loopback
# address by the machine's own unless it takes the host for a single-node platform.
ONE_NODE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
# An address would make Ray join another cluster, a token let it use another's;
# the last two are the command line's alone.
_FOREIGN = (
    "RAY_ADDRESS",
    "RAY_API_SERVER_ADDRESS",
    "RAY_NAMESPACE",
    "RAY_AUTH_TOKEN",
    "RAY_AUTH_TOKEN_PATH",
    "RAY_REDIS_ADDRESS",
    "PMOVES_URL",
    "PMOVES_API_KEY",
)
# Workers import the same sources as we do, installed or not.
_SOURCES = Path(__file__).resolve().parents[2]


def mesh_environment(
    state: MeshState,
    given: Mapping[str, str],
    inherited: Mapping[str, str] | None = None,
    drain_s: int = 60,
    redis_address: str = "",
    search_ms: int = 10_000,
) -> dict[str, str]:
    """Return the whole environment for `ray start`.

    `given` are the settings that somebody gave, so that workers see those of
    `.env` and `pmoves.toml` wherever they run. `drain_s` is how long requests may take
    to end in a proxy that is replaced, `redis_address` where the head's tables are kept,
    `search_ms` in how many milliseconds a search is answered that names no time.
    """
    base = dict(os.environ if inherited is None else inherited) | dict(given)
    for name in _FOREIGN:
        base.pop(name, None)
    kept = _redis(state, redis_address) if redis_address else {}
    return base | _process(state, base) | ray_environment(state, drain_s, search_ms) | kept


def _redis(state: MeshState, address: str) -> dict[str, str]:
    # Each bring-up finds its own tables alone, also in a Redis that others use.
    return {"RAY_REDIS_ADDRESS": address, "RAY_external_storage_namespace": state.mesh_id}


def client_environment(state: MeshState) -> dict[str, str]:
    """Return what a client of this mesh's Ray needs: addresses and the token."""
    return {
        "RAY_ADDRESS": state.ray_address,
        "RAY_API_SERVER_ADDRESS": state.dashboard_url,
        "RAY_USAGE_STATS_ENABLED": "0",
        **_authentication(state),
        **ONE_NODE,
    }


def ray_environment(state: MeshState, drain_s: int, search_ms: int) -> dict[str, str]:
    """Return the variables of Ray and Serve that differ from mesh to mesh."""
    return {
        **_authentication(state),
        **ONE_NODE,
        "RAY_USAGE_STATS_ENABLED": "0",
        # Ray makes its workers yield to every other program; replicas that serve must not.
        "RAY_worker_niceness": "0",
        # Ray's dashboard measures all its processes every five seconds and looks for events ten
        # times in one by default, also while nobody watches it.
        "REPORTER_UPDATE_INTERVAL_MS": "15000",
        "METRICS_RECORD_INTERVAL_S": "30",
        "EVENT_AGENT_REPORT_INTERVAL_SECONDS": "1",
        # One node has nowhere to move its work: nothing is gained by draining.
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
        "DASHBOARD_METRIC_PORT": str(state.ports["dashboard_metrics"]),
        **_serve(state, drain_s, search_ms),
    }


def _process(state: MeshState, base: Mapping[str, str]) -> dict[str, str]:
    binaries = str(Path(sys.executable).parent)
    return {
        MARK: state.mesh_id,
        FOLDER_MARK: state.temp_dir,
        HOME_MARK: state.home,
        "PMOVES_HOME": state.home,
        # `python` in the entry point of a job is the mesh's own.
        "PATH": _joined(binaries, base.get("PATH", os.defpath)),
        "PYTHONPATH": _joined(str(_SOURCES), base.get("PYTHONPATH", "")),
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def _joined(*paths: str) -> str:
    return os.pathsep.join(path for path in paths if path)


def _authentication(state: MeshState) -> dict[str, str]:
    mode = {"RAY_AUTH_MODE": state.auth_mode}
    return mode | ({"RAY_AUTH_TOKEN_PATH": state.token_path} if state.token_path else {})


def haproxy_folder(state: MeshState) -> Path:
    """Where HAProxy's files lie."""
    # A short name: HAProxy takes 97 characters for the path of a socket.
    return Path(state.temp_dir) / "h"


def _serve(state: MeshState, drain_s: int, search_ms: int) -> dict[str, str]:
    ports = ServePorts(
        haproxy_metrics=state.ports["haproxy_metrics"],
        haproxy_stats=state.ports["haproxy_stats"],
        fallback=state.ports["fallback"],
    )
    return serve_environment(haproxy_folder(state), ports, state.outside, drain_s, search_ms)
