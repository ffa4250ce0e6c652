"""A real PostgreSQL: Debian's server, or the one at `PMOVES_TEST_POSTGRES_URL`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from cluster.engines import postgres as start
from cluster.engines.postgres import DRIVER, PostgresServer
from tests.engines.process import elsewhere, needed

__all__ = ["PostgresServer", "postgres_server"]


@contextmanager
def postgres_server(folder: Path, port: int | None = None) -> Iterator[PostgresServer]:
    """Run PostgreSQL in `folder`, which its user must be able to reach, until the block ends.

    Started there again, it has what it had.
    """
    if url := elsewhere("postgres"):
        yield PostgresServer(sa.make_url(url).set(drivername=DRIVER))
        return
    with needed(), start.postgres_server(folder, port) as server:
        yield server
