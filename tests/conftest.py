"""What every folder of tests shares: the property-test profile, two embedders, an empty home."""

import asyncio
import gc
import logging
import os
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import pytest_randomly
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling

from cluster.sample_collection import sample_library
from eval.asking import index_dataset
from eval.datasets.base import Dataset
from eval.systems.local import LocalSystem
from retrieval.corpus.store import Corpus
from retrieval.embedding.ctranslate import CTranslateEmbedder
from retrieval.settings import EmbeddingSettings, LibrarySettings
from retrieval.state.database import open_database
from tests.embedders import WordEmbedder

pytest_plugins = ["tests.engines.fixtures", "tests.cluster.meshes"]

_SHARED = {
    "elasticsearch_url": "elasticsearch",
    "meilisearch_url": "meilisearch",
    "neo4j_engine": "elasticsearch",
    "object_store": "s3",
    "packaged_embedder": "model",
    "postgres": "postgres",
    "sample_home": "model",
}
# Tests leave little behind; to look for it costs a tenth of the time as often as usual.
_RARELY = (100_000, 20, 100)
_SLOW = {"packaged_embedder", "elasticsearch_url", "meilisearch_url", "neo4j_engine", "empty_home"}
# What opens a store or starts a program, in the names of a module of tests.
_OPENS = {
    "CliRunner",
    "Corpus",
    "JobStore",
    "KeyStore",
    "Ledger",
    "Outbox",
    "Production",
    "gate_of",
    "new_ledger",
    "open_corpus",
    "open_database",
    "persona_gate",
    "run_in_process",
    "sample_library",
    "SqlGateStore",
    "subprocess",
}

settings.register_profile(
    "repeatable",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=int(os.environ.get("PMOVES_TEST_EXAMPLES", "30")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")
# thinc, which spaCy brings, would seed its generators here, and import PyTorch for that.
pytest_randomly.entrypoint_reseeds = []
# Each client would read this machine's authorities anew, which takes longer than most tests.
_TRANSPORTS: tuple[Any, ...] = (httpx._transports.default, httpx2._transports.default)
for transport in _TRANSPORTS:
    transport.create_ssl_context = cache(transport.create_ssl_context)


class Scheduling(LoadGroupScheduling):
    """Gives a process all cases of a test at once, unless the test belongs to a group.

    With each case for itself the scheduler goes through thousands after every test.
    """

    def _split_scope(self, nodeid: str) -> str:
        return super()._split_scope(nodeid).partition("[")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Distribute the tests over the processes."""
    return Scheduling(config, log)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep together what shares something that is dear to start: the model, an engine.

    Under xdist the tests of a group share a process, one after the other. What loads
    for many seconds makes an integration test of whoever needs it, and so do stores and
    programs: a unit test works in memory, and all of them end within a minute.
    """
    if item.get_closest_marker("soak") and "PMOVES_TEST_SOAK" not in os.environ:
        item.add_marker(pytest.mark.skip(reason="takes minutes; see `make soak`"))
    needs = getattr(item, "fixturenames", ())
    names = vars(item.module) if isinstance(item, pytest.Function) else ()
    if _SLOW.intersection(needs) or _OPENS.intersection(names):
        item.add_marker(pytest.mark.integration)
    shared = next((group for fixture, group in _SHARED.items() if fixture in needs), None)
    if shared and _group(item) is None:
        item.add_marker(pytest.mark.xdist_group(shared))


def pytest_collection_finish() -> None:
    """Keep the collector from what was imported: it costs a quarter of the time otherwise."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_RARELY)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with those that start Ray, one after the other: they take the longest.

    Those that share a mesh come first of these, and the ones that break or end it after the
    others, since a mesh that is idle takes a quarter of a core.
    """
    items.sort(key=lambda item: (_group(item) != "ray", not _shares_mesh(item), _lateness(item)))


def _shares_mesh(item: pytest.Item) -> bool:
    return "mesh" in getattr(item, "fixturenames", ())


def _lateness(item: pytest.Item) -> int:
    marker = item.get_closest_marker("late")
    return int(marker.args[0]) if marker else 0


def _group(item: pytest.Item) -> str | None:
    marker = item.get_closest_marker("xdist_group")
    return marker and str(marker.args[0])


@pytest.fixture(autouse=True)
def _loggers() -> None:
    """Undo what a replica of an earlier test made of our loggers."""
    for name in ("retrieval", "serve_apps"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        # To set a level empties what all loggers remember.
        if logger.level != logging.NOTSET:
            logger.setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def packaged_embedder() -> CTranslateEmbedder:
    """The packaged MiniLM with default settings, loaded once."""
    return CTranslateEmbedder(EmbeddingSettings())


@pytest.fixture(scope="session")
def sample_home(
    tmp_path_factory: pytest.TempPathFactory, packaged_embedder: CTranslateEmbedder
) -> Path:
    """A home in which evaluations find the sample library indexed; to be copied or only read."""
    home = tmp_path_factory.mktemp("sample") / "home"
    asyncio.run(_index(sample_library(), home, packaged_embedder))
    return home


async def _index(dataset: Dataset, home: Path, embedder: CTranslateEmbedder) -> None:
    system = LocalSystem(LibrarySettings(home=home), embedder=embedder)
    namespace = f"eval-{dataset.documents_hash[:16]}"
    await index_dataset(system, dataset, namespace, lambda _stage, _done, _total: None)
    await system.close()


@pytest.fixture(scope="session")
def word_embedder() -> WordEmbedder:
    """A small deterministic embedder: texts that share words are near each other."""
    return WordEmbedder()


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory, word_embedder: WordEmbedder) -> Path:
    """A home with an empty corpus and state; to be copied, which is faster than to make one."""
    home = tmp_path_factory.mktemp("empty") / "home"
    Corpus.open(str(home / "corpus"), word_embedder.identity)
    open_database(f"sqlite:///{home / 'state.db'}").dispose()
    return home
