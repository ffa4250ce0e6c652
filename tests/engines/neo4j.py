"""A real Neo4j 5, from its published jars, on a free loopback port.

It is the community edition without its HTTP interface, and asks for no password.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neo4j import GraphDatabase

from tests.engines.maven import built
from tests.engines.process import Engine, any_free_port, elsewhere, running

_JAVA = 17
_FRUGAL = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_OPENED = ("java.base/java.nio", "java.base/java.io", "java.base/sun.nio.ch", "java.base/java.lang")


@contextmanager
def neo4j(folder: Path, port: int | None = None) -> Iterator[Engine]:
    """Run Neo4j with its data in `folder`; start it there again to find them again."""
    if address := elsewhere("neo4j"):
        yield Engine("neo4j", address, None)
        return
    engine, port = built("neo4j", _JAVA), port or any_free_port()
    url = f"bolt://127.0.0.1:{port}"
    command = engine.command(
        *_FRUGAL,
        *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED),
        f"--class-path={engine.folder}/classes:{engine.folder}/lib/*",
        "Main",
        str(folder / "data"),
        str(port),
    )
    with running(command, lambda: _is_up(url), folder) as process:
        try:
            yield Engine("neo4j", url, process)
        finally:
            # One that is frozen does not end.
            process.send_signal(signal.SIGCONT)


def _is_up(url: str) -> bool:
    with GraphDatabase.driver(url, connection_timeout=5) as driver:
        driver.verify_connectivity()
    return True
