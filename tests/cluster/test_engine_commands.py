"""`pmoves rebuild lexical`, and what the doctor and the admin say of its engines."""

import json
import uuid
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch
from meilisearch_python_sdk import Client
from typer.testing import CliRunner, Result

from cluster.cli.app import app
from cluster.config_report import read_settings
from cluster.doctor.deep import check_projections
from cluster.doctor.finding import Finding
from cluster.doctor.graph import check_graph
from cluster.doctor.text import check_text
from cluster.settings import Settings
from retrieval.corpus.store import Corpus
from retrieval.graph.neo4j.client import Neo4jClient
from retrieval.lexical.meilisearch.generation import MeilisearchEngine
from retrieval.settings import MeilisearchSettings
from tests.embedders import WordEmbedder
from tests.engines.process import Engine, any_free_port
from tests.retrieval.building import make_chunk, store


@pytest.fixture
def index(home: Path, monkeypatch: pytest.MonkeyPatch, elasticsearch_url: str) -> str:
    """The name of an index of this test, in the settings of the command line."""
    name = f"t{uuid.uuid4().hex[:12]}"
    monkeypatch.setenv("PMOVES_PROFILE", "cluster")
    monkeypatch.setenv("PMOVES_ELASTICSEARCH__HOSTS", elasticsearch_url)
    monkeypatch.setenv("PMOVES_ELASTICSEARCH__INDEX", name)
    return name


@pytest.fixture
def boats(home: Path, word_embedder: WordEmbedder) -> Corpus:
    """Two passages in the home."""
    corpus = Corpus.open(str(home / "corpus"), word_embedder.identity)
    store(corpus, word_embedder, [make_chunk("a-1", "boat"), make_chunk("b-1", "another boat")])
    return corpus


def loaded() -> Settings:
    settings = read_settings().settings
    assert settings is not None
    return settings


def pmoves(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def deep() -> list[Finding]:
    return list(check_projections(loaded()))


def test_a_rebuild_is_seen_by_the_doctor(index: str, boats: Corpus, elasticsearch_url: str) -> None:
    assert deep()[0].detail == "nothing of this corpus is there yet"
    first = check_text(loaded())
    assert first is not None
    assert first.level == "ok"
    assert "nothing of this corpus" in first.detail
    done = pmoves("rebuild", "lexical")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"lexical is built anew, at version {boats.version}\n"
    shown = check_text(loaded())
    assert shown is not None
    assert shown.detail.startswith("9.")
    assert f"at version {boats.version}, the corpus at {boats.version}" in shown.detail
    assert deep() == [Finding("lexical", "ok", "2 chunks, all equal")]
    with Elasticsearch(elasticsearch_url) as client:
        (hit, _) = client.search(index=index)["hits"]["hits"]
        client.delete(index=hit["_index"], id=hit["_id"], refresh=True)
    (finding,) = deep()
    assert finding.level == "fail"
    assert "of 2 chunks 1 missing" in finding.detail
    assert "pmoves rebuild lexical" in finding.advice


def test_an_engine_that_is_away_is_a_warning(
    index: str, boats: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://127.0.0.1:{any_free_port()}"
    monkeypatch.setenv("PMOVES_ELASTICSEARCH__HOSTS", address)
    finding = check_text(loaded())
    assert finding is not None
    assert (finding.level, "Connection" in finding.detail) == ("warn", True)
    assert deep()[0].level == "warn"
    done = pmoves("rebuild", "lexical")
    assert done.exit_code == 1
    assert "pmoves: elasticsearch: ConnectionError" in done.stderr


def test_the_doctor_names_neo4j_and_one_that_is_too_old(
    home: Path, boats: Corpus, neo4j_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMOVES_PROFILE", "cluster")
    monkeypatch.setenv("PMOVES_NEO4J__URL", neo4j_engine.url)
    finding = check_graph(loaded())
    assert finding is not None
    assert (finding.level, finding.detail.startswith("Neo4j Kernel 5.")) == ("ok", True)
    monkeypatch.setattr(Neo4jClient, "version", lambda _client: "Neo4j Kernel 4.4.12")
    old = check_graph(loaded())
    assert old is not None
    assert (old.level, old.advice) == ("warn", "Use release 5 or newer.")


@pytest.fixture
def meili(home: Path, monkeypatch: pytest.MonkeyPatch, meilisearch_url: str) -> MeilisearchSettings:
    """An index of this test in the double of Meilisearch, in the settings of the command line."""
    settings = MeilisearchSettings(url=meilisearch_url, index=f"t{uuid.uuid4().hex[:12]}")
    monkeypatch.setenv("PMOVES_PROFILE", "cluster")
    monkeypatch.setenv("PMOVES_MEILISEARCH__URL", settings.url)
    monkeypatch.setenv("PMOVES_MEILISEARCH__INDEX", settings.index)
    return settings


def test_meilisearch_is_rebuilt_and_seen_by_the_doctor(
    meili: MeilisearchSettings, boats: Corpus
) -> None:
    first = check_text(loaded())
    assert first is not None
    assert (first.name, first.level) == ("meilisearch", "ok")
    assert "nothing of this corpus" in first.detail
    done = pmoves("rebuild", "lexical")
    assert done.exit_code == 0, done.output
    shown = check_text(loaded())
    assert shown is not None
    assert f"at version {boats.version}, the corpus at {boats.version}" in shown.detail
    assert deep() == [Finding("lexical", "ok", "2 chunks, all equal")]
    with Client(meili.url) as client:
        index = client.index(meili.index)
        (row, _) = index.get_documents(limit=2).results
        client.wait_for_task(index.delete_documents([row["id"]]).task_uid)
    (finding,) = deep()
    assert finding.level == "fail"
    assert "of 2 chunks 1 missing" in finding.detail


def test_an_old_meilisearch_is_remarked_upon(
    meili: MeilisearchSettings, boats: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MeilisearchEngine, "version", lambda _engine: "1.14.0")
    old = check_text(loaded())
    assert old is not None
    assert (old.level, old.advice) == ("warn", "Use release 1.15 or newer on every node.")


def test_two_engines_are_remarked_upon(
    home: Path, boats: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMOVES_PROFILE", "cluster")
    monkeypatch.setenv("PMOVES_MEILISEARCH__URL", "http://127.0.0.1:1")
    monkeypatch.setenv("PMOVES_ELASTICSEARCH__HOSTS", "http://127.0.0.1:2")
    finding = check_text(loaded())
    assert finding is not None
    assert (finding.level, finding.advice) == ("warn", "Name one of them.")
    assert pmoves("rebuild", "lexical").exit_code == 1


def test_an_address_without_the_profile_is_remarked_upon(
    index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMOVES_PROFILE", "embedded")
    finding = check_text(loaded())
    assert finding is not None
    assert finding.level == "warn"
    assert "PMOVES_PROFILE is embedded" in finding.detail
    assert deep() == []


def test_without_an_address_there_is_nothing_to_rebuild(home: Path, boats: Corpus) -> None:
    assert check_text(loaded()) is None
    done = pmoves("rebuild", "lexical")
    assert done.exit_code == 2
    assert "PMOVES_ELASTICSEARCH__HOSTS or PMOVES_MEILISEARCH__URL" in done.stderr


def test_a_direct_search_asks_elasticsearch(
    index: str, boats: Corpus, monkeypatch: pytest.MonkeyPatch, word_embedder: WordEmbedder
) -> None:
    monkeypatch.setattr(
        "retrieval.embedding.opening.CTranslateEmbedder", lambda _settings: word_embedder
    )
    assert pmoves("rebuild", "lexical").exit_code == 0
    done = pmoves("search", "boat", "--namespace", "ns", "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert len(answer["hits"]) == 2
    assert answer["degraded"] == []
