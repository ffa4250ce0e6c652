"""A real Neo4j 5: started here, or the one at `PMOVES_TEST_NEO4J_URL`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.engines import neo4j as start
from tests.engines.process import Engine, elsewhere, needed


@contextmanager
def neo4j(folder: Path, port: int | None = None) -> Iterator[Engine]:
    """Run it with its data in `folder`; start it there again to find them again."""
    if address := elsewhere("neo4j"):
        yield Engine("neo4j", address, None)
        return
    with needed(), start.neo4j(folder, port) as made:
        yield Engine("neo4j", made.url, made.process)
