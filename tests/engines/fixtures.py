"""The engines as fixtures of a session: each is started once, by the first test that asks."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from retrieval.state.database import open_database
from tests.engines.elasticsearch import elasticsearch
from tests.engines.meilisearch import meilisearch
from tests.engines.neo4j import neo4j
from tests.engines.postgres import PostgresServer, postgres_server
from tests.engines.process import Engine
from tests.engines.redis import redis_server
from tests.engines.seaweedfs import ObjectStore, seaweedfs
from tests.engines.supabase import Project, supabase_database, supabase_project


@pytest.fixture(scope="session")
def elasticsearch_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Elasticsearch that the tests share; those that stop it start their own."""
    with elasticsearch(tmp_path_factory.mktemp("elasticsearch")) as engine:
        yield engine.url


@pytest.fixture(scope="session")
def meilisearch_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A double of Meilisearch that the tests share; those that stop it start their own."""
    with meilisearch(tmp_path_factory.mktemp("meilisearch")) as engine:
        yield engine.url


@pytest.fixture(scope="session")
def neo4j_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A real Neo4j that the tests share, each of which empties it first."""
    with neo4j(tmp_path_factory.mktemp("neo4j")) as engine:
        yield engine


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """A real S3 (SeaweedFS), shared by the tests, each of which makes buckets of its own."""
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as store:
        yield store


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL, shared by the tests, each of which makes databases of its own."""
    # The folders of pytest are closed to the user that it runs as.
    with (
        tempfile.TemporaryDirectory(prefix="pg-") as folder,
        postgres_server(Path(folder)) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def _migrated(postgres: PostgresServer) -> str:
    """The name of a database with Supabase's roles and our tables, to be copied."""
    url = supabase_database(postgres)
    open_database(url).dispose()
    return str(sa.make_url(url).database)


@pytest.fixture
def project(postgres: PostgresServer, _migrated: str) -> Iterator[Project]:
    """A double of a Supabase project whose tables were made, in front of the real PostgreSQL."""
    with supabase_project(postgres.new_database(_migrated)) as made:
        yield made


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address, `host:port`, of a real Redis without a password."""
    with redis_server(tmp_path_factory.mktemp("redis")) as address:
        yield address
