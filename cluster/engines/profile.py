"""All engines of the profile `cluster`, started from their packages."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

Say = Callable[[str], None]
Environment = dict[str, str]
_SILENCE_S = 4.0


@contextmanager
def engines_profile(say: Say) -> Iterator[Environment]:
    """Start SeaweedFS, PostgreSQL, Elasticsearch and Neo4j; yield what leads a mesh to them.

    Each is told of by `say`. They end with the block, and all that they hold goes. Raises
    `MissingEngineError` where one of them is not installed.
    """
    # PostgreSQL is run by another user than root, who must be able to reach its folder.
    with tempfile.TemporaryDirectory(prefix="pmoves-engines-") as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)
        environment = {"PMOVES_PROFILE": "cluster"}
        for name, start in _ENGINES.items():
            home = Path(folder) / name.lower()
            home.mkdir()
            started = time.monotonic()
            with talking(f"starting {name}", say):
                address, given = stack.enter_context(start(home))
            say(f"   {name} at {address} ({time.monotonic() - started:.1f} s)")
            environment |= given
        try:
            yield environment
        finally:
            say("Stop the engines.")


@contextmanager
def talking(what: str, say: Say) -> Iterator[None]:
    """Say every few seconds that `what` goes on, for as long as the block lasts."""
    ended, started = threading.Event(), time.monotonic()

    def talk() -> None:
        while not ended.wait(_SILENCE_S):
            say(f"   … {what}, {time.monotonic() - started:.0f} s")

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _s3(folder: Path) -> Iterator[tuple[str, Environment]]:
    from cluster.engines.seaweedfs import seaweedfs

    with seaweedfs(folder) as store:
        corpus = f"s3://{store.new_bucket()}/corpus"
        yield store.endpoint, store.environment | {"PMOVES_CORPUS__URI": corpus}


@contextmanager
def _postgres(folder: Path) -> Iterator[tuple[str, Environment]]:
    from cluster.engines.postgres import postgres_server

    with postgres_server(folder) as server:
        address = f"{server.url.host}:{server.url.port}"
        yield address, {"PMOVES_STATE__URL": server.new_database()}


@contextmanager
def _elasticsearch(folder: Path) -> Iterator[tuple[str, Environment]]:
    from cluster.engines.elasticsearch import elasticsearch

    with elasticsearch(folder) as engine:
        # A machine that does something else meanwhile may take its time here.
        patience = {"PMOVES_ELASTICSEARCH__PATIENCE_MS": "5000"}
        yield engine.url, {"PMOVES_ELASTICSEARCH__HOSTS": engine.url} | patience


@contextmanager
def _neo4j(folder: Path) -> Iterator[tuple[str, Environment]]:
    from cluster.engines.neo4j import neo4j

    with neo4j(folder) as engine:
        yield engine.url, {"PMOVES_NEO4J__URL": engine.url}


_Start = Callable[[Path], AbstractContextManager[tuple[str, Environment]]]
_ENGINES: dict[str, _Start] = {
    "SeaweedFS": _s3,
    "PostgreSQL": _postgres,
    "Elasticsearch": _elasticsearch,
    "Neo4j": _neo4j,
}
