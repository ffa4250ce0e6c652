"""A gateway over a real corpus and an embedder that needs no loading, without Serve."""

import shutil
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from retrieval.corpus.store import Corpus
from serve_apps.api import create_app
from serve_apps.services import Services
from serve_apps.settings import AllowedSources, AppArgs, HttpSettings
from tests.embedders import WordEmbedder
from tests.serve_apps.support import NotedLauncher, client_of, services_over

with warnings.catch_warnings():
    # Ray declares its own models in a way that pydantic has left behind.
    warnings.simplefilter("ignore", DeprecationWarning)
    import ray.serve  # noqa: F401


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    """A folder that HTTP callers may have files read from."""
    folder = tmp_path / "library with spaces"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(tmp_path: Path, roots: Path) -> AppArgs:
    """Settings of a mesh in a folder of its own, with small limits."""
    return AppArgs(
        home=tmp_path / "home",
        http=HttpSettings(
            max_query_bytes=65_536,
            max_batch_bytes=262_144,
            max_batch_items=50,
            max_upload_bytes=262_144,
            max_upload_files=5,
        ),
        ingest=AllowedSources(roots=[roots]),
    )


@pytest.fixture
def launcher() -> NotedLauncher:
    """A launcher without a cluster."""
    return NotedLauncher()


@pytest.fixture
def services(
    settings: AppArgs, empty_home: Path, word_embedder: WordEmbedder, launcher: NotedLauncher
) -> Iterator[Services]:
    """The parts of a gateway over an empty corpus."""
    shutil.copytree(empty_home, settings.home, dirs_exist_ok=True)
    corpus = Corpus.open(settings.corpus_uri, word_embedder.identity)
    with services_over(corpus, word_embedder, settings, launcher) as made:
        yield made


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway."""
    async with client_of(create_app(services)) as made:
        yield made
