"""A real PostgreSQL: Debian's server."""

import os
import pwd
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from cluster.engines.process import running
from cluster.errors import MeshError, MissingEngineError
from cluster.mesh.ports import any_free_port

DRIVER = "postgresql+psycopg"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server; `url` leads to its database `postgres` as a superuser.

    `process` is None where it is somebody's own.
    """

    url: sa.URL
    process: subprocess.Popen[bytes] | None = None

    def new_database(self, template: str = "template1") -> str:
        """Make a copy of `template`, by default an empty database, and return its URL."""
        name = f"db_{uuid.uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url.set(database=name).render_as_string(hide_password=False)

    def answers(self) -> bool:
        """Return True; raise where nobody answers."""
        self.execute("SELECT 1")
        return True

    def execute(self, *statements: str) -> None:
        """Run `statements` one by one, each as its own transaction."""
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        engine.dispose()


@contextmanager
def postgres_server(folder: Path, port: int | None = None) -> Iterator[PostgresServer]:
    """Run PostgreSQL in `folder`, which its user must be able to reach, until the block ends.

    Started there again, it has what it had.
    """
    programs, user = _programs(), _user()
    if programs is None:
        raise MissingEngineError(
            "PostgreSQL's server (Debian's package postgresql) is not installed"
        )
    if not (folder / "data").exists():
        initdb = [str(programs / "initdb"), "-D", "data", "-U", "mesh", "-A", "trust", "-N"]
        _as(user, folder, initdb)
    port = port or any_free_port()
    given = {"listen_addresses": "127.0.0.1", "port": port, "fsync": "off"}
    given["unix_socket_directories"] = ""
    options = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
    command = [*_prefix(user), str(programs / "postgres"), "-D", str(folder / "data"), *options]
    url = sa.make_url(f"{DRIVER}://mesh@127.0.0.1:{port}/postgres")
    with running(command, PostgresServer(url).answers, folder) as process:
        try:
            yield PostgresServer(url, process)
        finally:
            # Fast: without this it waits for its clients to go.
            process.send_signal(signal.SIGINT)


def _programs() -> Path | None:
    found = shutil.which("initdb") or next(
        map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), None
    )
    return None if found is None else Path(found).resolve().parent


def _user() -> str | None:
    """Return whom the server runs as, since it refuses root; None for ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return "nobody"


def _prefix(user: str | None) -> list[str]:
    if user is None:
        return []
    group = pwd.getpwnam(user).pw_gid
    return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]


def _as(user: str | None, folder: Path, command: list[str]) -> None:
    if user is not None:
        shutil.chown(folder, user)
    done = subprocess.run(
        [*_prefix(user), *command], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MeshError(f"{command[0]} ended with {done.returncode}: {done.stderr}")
