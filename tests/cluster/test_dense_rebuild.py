"""`pmoves rebuild dense`: in this process, and by a gateway that goes on searching."""

import json
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from cluster.cli.app import app
from cluster.config_report import read_settings
from cluster.dense_rebuild import rebuild_dense
from cluster.errors import MeshError
from retrieval.corpus.store import Corpus
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store


def pmoves(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def boats(home: Path, word_embedder: WordEmbedder) -> Corpus:
    """Two passages in the home."""
    corpus = Corpus.open(str(home / "corpus"), word_embedder.identity)
    store(corpus, word_embedder, [make_chunk("a-1", "boat"), make_chunk("b-1", "another boat")])
    return corpus


def test_without_a_mesh_it_is_built_here(boats: Corpus) -> None:
    before = boats.version
    done = pmoves("rebuild", "dense", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said.pop("seconds") >= 0
    assert said == {
        "projection": "dense",
        "done": True,
        "where": boats.uri,
        "version": before + 1,
        "vectors": 2,
    }
    assert "dense is built anew, at version" in pmoves("rebuild", "dense").stdout


def test_a_gateway_builds_it_and_is_waited_for(
    gateway: str, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMOVES_URL", gateway)
    before = httpx.get(f"{gateway}/hirag/admin/stats").json()["index"]
    done = pmoves("rebuild", "dense", "--json")
    assert done.exit_code == 0, done.output
    said, after = json.loads(done.stdout), httpx.get(f"{gateway}/hirag/admin/stats").json()["index"]
    assert (said["where"], said["vectors"]) == (gateway, 2)
    assert after["build"] > before["build"] == 0
    assert after["vectors"] == before["vectors"]
    answer = httpx.post(f"{gateway}/hirag/query", json={"query": "ribbon microphone", "k": 1})
    assert answer.json()["hits"][0]["doc_id"] == "mic"


def test_a_gateway_that_does_not_get_to_it_is_told_of(
    gateway: str, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMOVES_URL", gateway)
    settings = read_settings().settings
    assert settings is not None
    with pytest.raises(MeshError, match="has not built its vector index anew yet"):
        rebuild_dense(settings, patience_s=0)


def test_a_gateway_over_another_corpus_is_refused(
    gateway: str, tmp_path: Path, word_embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Corpus.open(str(tmp_path / "other"), word_embedder.identity)
    monkeypatch.setenv("PMOVES_URL", gateway)
    monkeypatch.setenv("PMOVES_CORPUS__URI", other.uri)
    before = other.version
    done = pmoves("rebuild", "dense")
    assert done.exit_code == 2
    assert f"and these settings name {other.uri}" in " ".join(done.stderr.split())
    assert other.version == before
