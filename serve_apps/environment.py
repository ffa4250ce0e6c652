"""What must stand in the environment before Ray starts, so that Serve is fast and stays apart.

Ray reads these once per process. `pmoves up` sets them; whoever starts Ray by hand
sets them too.
"""

from collections.abc import Mapping
from pathlib import Path

# HAProxy hands requests straight to the gateway's own HTTP server; replicas talk gRPC
# and run our code on their one event loop, where nothing may block.
SERVE_ENVIRONMENT: Mapping[str, str] = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_USE_GRPC_BY_DEFAULT": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    "RAY_SERVE_HAPROXY_TCP_NODELAY": "1",
    "RAY_SERVE_HAPROXY_NBTHREAD": "1",
    # Threads that wait actively take the cores from their neighbours.
    "OMP_WAIT_POLICY": "PASSIVE",
}


def serve_environment(run_folder: Path, metrics_port: int, stats_port: int) -> dict[str, str]:
    """Return the environment of a mesh whose HAProxy keeps its files in `run_folder`.

    Two meshes on one machine need different folders and ports. The folder's path
    must be short: it holds Unix sockets, whose names end at about 100 bytes.
    """
    return {
        **SERVE_ENVIRONMENT,
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(run_folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(run_folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(run_folder / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(run_folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(run_folder / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(metrics_port),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(stats_port),
    }
