"""Finds free TCP ports, and names who holds a busy one."""

import contextlib
import socket

import psutil

from cluster.errors import PortBusyError

DASHBOARD_PORT = 8265
# Every port that Ray and HAProxy would otherwise fix or guess.
RAY_PORTS = (
    "gcs",
    "dashboard",
    "client",
    "dashboard_agent",
    "dashboard_agent_grpc",
    "runtime_env_agent",
    "metrics",
    "dashboard_metrics",
    "node_manager",
    "object_manager",
    "fallback",
    "haproxy_metrics",
    "haproxy_stats",
)


def choose_ports(host: str, http_port: int, gcs: int = 0, dashboard: int = 0) -> dict[str, int]:
    """Return a free port for each name in `RAY_PORTS`; 0 leaves the choice to us.

    Raises `PortBusyError` where a port that was asked for, or `http_port` on
    `host`, is taken.
    """
    require_free(host, http_port, "PMOVES_HTTP__PORT")
    chosen = {"gcs": gcs, "dashboard": dashboard}
    for name, setting in (("gcs", "PMOVES_RAY__PORT"), ("dashboard", "PMOVES_RAY__DASHBOARD_PORT")):
        if chosen[name]:
            require_free("127.0.0.1", chosen[name], setting)
    if not dashboard and http_port != DASHBOARD_PORT and is_free("127.0.0.1", DASHBOARD_PORT):
        chosen["dashboard"] = DASHBOARD_PORT
    missing = [name for name in RAY_PORTS if not chosen.get(name)]
    return chosen | dict(zip(missing, _free_ports(len(missing), http_port), strict=True))


def any_free_port() -> int:
    """Return a port of loopback that is free now."""
    return _free_ports(1, excluded=0)[0]


def is_free(host: str, port: int) -> bool:
    """Whether somebody could listen on `port` of `host` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def require_free(host: str, port: int, setting: str) -> None:
    """Raise `PortBusyError`, naming the holder where it is visible, unless `port` is free."""
    if is_free(host, port):
        return
    raise PortBusyError(
        f"port {port} on {host} is taken by {holder(port) or 'another process'}; "
        f"end it, or choose another port with {setting}."
    )


def holder(port: int) -> str | None:
    """Return the name and id of the process that listens on `port`, if we may see it."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr
            if listens and listens.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return None


def _free_ports(count: int, excluded: int) -> list[int]:
    # All are held open together, so that none is handed out twice.
    with contextlib.ExitStack() as stack:
        found: list[int] = []
        while len(found) < count:
            probe = stack.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            if port != excluded:
                found.append(port)
        return found
