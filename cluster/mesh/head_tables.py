"""The tables of Ray's control service in Redis, where the settings name one."""

import json
import logging
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from cluster.settings import RaySettings

_LOG = logging.getLogger(__name__)
_SECONDS = 120
_RELEASE = re.compile(r"redis_version:(\S+)")
# In a process of its own: Ray ends the one in which it cannot reach a Redis.
_FORGET = """
import json, sys
from ray._private.gcs_utils import cleanup_redis_storage
cleanup_redis_storage(**json.load(sys.stdin))
"""


def redis_place(settings: RaySettings) -> tuple[str, int, bool]:
    """Return host, port and whether TLS is spoken, of the Redis that the settings name."""
    address = settings.redis_address
    parts = urlsplit(address if "://" in address else f"redis://{address}")
    return parts.hostname or "", parts.port or 6379, parts.scheme == "rediss"


def forget(settings: RaySettings, mesh_id: str) -> None:
    """Remove the tables of a mesh from Redis; a warning where that fails."""
    host, port, tls = redis_place(settings)
    given = {
        "host": host,
        "port": port,
        "password": settings.redis_password.get_secret_value(),
        "use_ssl": tls,
        "storage_namespace": mesh_id,
        "username": settings.redis_username,
    }
    try:
        subprocess.run(
            [sys.executable, "-c", _FORGET],
            input=json.dumps(given),
            text=True,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        reason = type(error).__name__
        _LOG.warning("the tables of mesh %s stay in Redis at %s: %s", mesh_id, host, reason)


def redis_fault(settings: RaySettings, timeout_s: float = 5.0) -> str | None:
    """Return why the Redis cannot be used, None where it answers and takes the password."""
    try:
        with _connected(settings, timeout_s) as connection:
            if refused := _refused(connection, settings):
                return f"refuses the password: {refused}"
            answer = _asked(connection, "PING")
            return None if answer.startswith("+PONG") else answer
    except OSError as error:
        return f"does not answer: {error}"


def redis_release(settings: RaySettings, timeout_s: float = 5.0) -> str:
    """Return name and release of a Redis that can be used, as far as it tells them."""
    try:
        with _connected(settings, timeout_s) as connection:
            _refused(connection, settings)
            told = _RELEASE.search(_asked(connection, "INFO", "server"))
    except OSError:
        told = None
    return f"redis {told[1]}" if told else "redis"


@contextmanager
def _connected(settings: RaySettings, timeout_s: float) -> Iterator[socket.socket]:
    host, port, tls = redis_place(settings)
    with socket.create_connection((host, port), timeout=timeout_s) as plain:
        if not tls:
            yield plain
            return
        with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as safe:
            yield safe


def _refused(connection: socket.socket, settings: RaySettings) -> str | None:
    """Show the password, if there is one; return what is said against it."""
    if not (password := settings.redis_password.get_secret_value()):
        return None
    user = [settings.redis_username] if settings.redis_username else []
    answer = _asked(connection, "AUTH", *user, password)
    return None if answer.startswith("+OK") else answer


def _asked(connection: socket.socket, *words: str) -> str:
    connection.sendall(_command(*words))
    return connection.recv(512).decode(errors="replace").strip()


def _command(*words: str) -> bytes:
    parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
    return f"*{len(words)}\r\n{''.join(parts)}".encode()
