"""Free ports, and who holds a busy one."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cluster.errors import PortBusyError
from cluster.mesh.ports import RAY_PORTS, choose_ports, holder, is_free, require_free

LISTEN = """
import socket, sys
server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen()
print(server.getsockname()[1], flush=True); sys.stdin.read()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def busy() -> Iterator[tuple[int, int]]:
    """A port that another process holds: the port, and the id of the process."""
    with subprocess.Popen(
        [sys.executable, "-c", LISTEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        yield int(process.stdout.readline()), process.pid
        process.communicate("")


def test_every_name_gets_a_port_of_its_own() -> None:
    http = free_port()
    ports = choose_ports("127.0.0.1", http)
    assert set(ports) == set(RAY_PORTS)
    assert len({*ports.values(), http}) == len(ports) + 1
    assert all(is_free("127.0.0.1", port) for port in ports.values())


def test_wanted_ports_are_taken() -> None:
    gcs, dashboard = free_port(), free_port()
    ports = choose_ports("127.0.0.1", free_port(), gcs, dashboard)
    assert (ports["gcs"], ports["dashboard"]) == (gcs, dashboard)


def test_a_busy_port_is_refused_with_its_holder(busy: tuple[int, int]) -> None:
    port, pid = busy
    assert not is_free("127.0.0.1", port)
    assert f"(process {pid})" in (holder(port) or "")
    with pytest.raises(PortBusyError, match=rf"port {port} .*process {pid}.*PMOVES_HTTP__PORT"):
        choose_ports("127.0.0.1", port)
    with pytest.raises(PortBusyError, match="PMOVES_RAY__DASHBOARD_PORT"):
        choose_ports("127.0.0.1", free_port(), dashboard=port)


def test_a_free_port_has_no_holder() -> None:
    port = free_port()
    assert holder(port) is None
    require_free("127.0.0.1", port, "X")
