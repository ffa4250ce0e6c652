"""A real Neo4j 5, from its published jars, on a free loopback port.

It is the community edition without its HTTP interface, and asks for no password.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neo4j import GraphDatabase

from cluster.engines.maven import built
from cluster.engines.process import Running, running
from cluster.mesh.ports import any_free_port

_JAVA = 17
_FRUGAL = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_OPENED = ("java.base/java.nio", "java.base/java.io", "java.base/sun.nio.ch", "java.base/java.lang")


@contextmanager
def neo4j(folder: Path, port: int | None = None) -> Iterator[Running]:
    """Run Neo4j with its data in `folder`; start it there again to find them again."""
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
        yield Running(url, process)


def _is_up(url: str) -> bool:
    with GraphDatabase.driver(url, connection_timeout=5) as driver:
        driver.verify_connectivity()
    return True
