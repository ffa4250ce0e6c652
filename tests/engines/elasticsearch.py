"""A real Elasticsearch 9: started here, or the one at `PMOVES_TEST_ELASTICSEARCH_URL`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.engines import elasticsearch as start
from tests.engines.process import Engine, elsewhere, needed


@contextmanager
def elasticsearch(folder: Path, port: int | None = None) -> Iterator[Engine]:
    """Run it with its data in `folder`; start it there again to find them again."""
    if address := elsewhere("elasticsearch"):
        yield Engine("elasticsearch", address, None)
        return
    with needed(), start.elasticsearch(folder, port) as made:
        yield Engine("elasticsearch", made.url, made.process)
