"""A real Redis: Debian's server, or the one at `PMOVES_TEST_REDIS_URL`."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engines.process import any_free_port, elsewhere, missing, running


@contextmanager
def redis_server(folder: Path, password: str = "") -> Iterator[str]:
    """Run Redis in `folder` until the block ends; yield its address, `host:port`.

    It stores nothing on disk. A server from elsewhere must ask for the same `password`.
    """
    if url := elsewhere("redis"):
        yield url.removeprefix("redis://").rstrip("/")
        return
    if (program := shutil.which("redis-server")) is None:
        missing("Redis's server (Debian's package redis-server) is not installed")
    port = any_free_port()
    options = {"bind": "127.0.0.1", "port": str(port), "save": "", "requirepass": password}
    given = [part for name, value in options.items() for part in (f"--{name}", value)]
    with running([program, *given], lambda: _answers(port), folder):
        yield f"127.0.0.1:{port}"


def _answers(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
