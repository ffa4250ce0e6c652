"""The Meilisearch of the tests: a double of it, or the one at `PMOVES_TEST_MEILISEARCH_URL`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.engines.process import Engine, any_free_port, elsewhere, running

_ROOT = Path(__file__).parents[2]


@contextmanager
def meilisearch(folder: Path, port: int | None = None) -> Iterator[Engine]:
    """Run it with its data in `folder`; start it there again to find them again."""
    if address := elsewhere("meilisearch"):
        yield Engine("meilisearch", address, None)
        return
    with double(folder, port) as made:
        yield made


@contextmanager
def double(folder: Path, port: int | None = None, key: str = "") -> Iterator[Engine]:
    """Run the double, which asks for `key` where one is given."""
    port = port or any_free_port()
    url = f"http://127.0.0.1:{port}"
    module = "tests.engines.meilisearch_double.server"
    command = [sys.executable, "-m", module, str(port), str(folder), *filter(None, [key])]

    def is_up() -> bool:
        return httpx.get(f"{url}/health", timeout=1).is_success

    with running(command, is_up, folder, env={"PYTHONPATH": str(_ROOT)}) as process:
        yield Engine("meilisearch", url, process)
