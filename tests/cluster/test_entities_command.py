"""`pmoves entities`."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cluster.cli.app import app
from retrieval.corpus.store import Corpus
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store


def pmoves(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["entities", *arguments])


@pytest.fixture(autouse=True)
def stored(home: Path, empty_home: Path) -> None:
    """An empty corpus in the home of the command."""
    shutil.copytree(empty_home / "corpus", home / "corpus")


def test_the_example_is_imported_once() -> None:
    first = pmoves("import", "--example")
    assert first.exit_code == 0, first.output
    assert "2 entities changed, 2 in all" in first.stdout
    assert "0 entities changed, 2 in all" in pmoves("import", "--example").stdout
    header, row, _ = pmoves("list").stdout.splitlines()
    assert header.split("\t") == ["ENTITY", "TYPE", "NAME", "ALIASES"]
    assert row.split("\t") == ["darkxside", "PERSONA", "DARKXSIDE", "Dark X Side, Dark Side X"]


def test_what_is_exported_can_be_imported_elsewhere(tmp_path: Path) -> None:
    pmoves("import", "--example")
    assert pmoves("export", str(tmp_path / "all.yaml")).exit_code == 0
    made = pmoves("import", str(tmp_path / "all.yaml"), "-n", "other", "--json")
    assert json.loads(made.stdout)["entities"] == 2
    assert pmoves("export", "-n", "other").stdout == pmoves("export").stdout


def test_entities_are_renamed_merged_and_removed() -> None:
    pmoves("import", "--example")
    assert pmoves("alias", "darkxside", "DXS").exit_code == 0
    assert pmoves("merge", "powerfulmoves", "darkxside").exit_code == 0
    (entity,) = json.loads(pmoves("list", "--json").stdout)["entities"]
    assert {"DXS", "DARKXSIDE", "PMoves"} <= {alias["name"] for alias in entity["aliases"]}
    removed = pmoves("remove", "powerfulmoves", "--json")
    assert json.loads(removed.stdout) == {"entity_id": "powerfulmoves", "removed": True}
    assert json.loads(pmoves("list", "--json").stdout)["total"] == 0


def test_what_cannot_be_done_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "name a FILE, --example or --neo4j" in pmoves("import").stderr
    assert "no entity 'nobody'" in pmoves("remove", "nobody").stderr
    missing = pmoves("import", str(tmp_path / "none.csv"))
    assert missing.exit_code == 1
    assert "none.csv" in missing.stderr
    monkeypatch.setenv("PMOVES_URL", "http://127.0.0.1:9")
    refused = pmoves("list")
    assert refused.exit_code == 2
    assert "not over HTTP" in refused.stderr


def test_relations_of_stored_passages_are_found_with_the_names_and_listed(
    home: Path, word_embedder: WordEmbedder, tmp_path: Path
) -> None:
    corpus = Corpus.open_existing(str(home / "corpus"))
    chunks = [make_chunk("a-1", "PMoves hired Ada Reed.", namespace="pmoves")]
    store(corpus, word_embedder, chunks)
    later = pmoves("import", "--example", "--no-relations", "--json")
    assert json.loads(later.stdout)["relations"] == 0
    assert pmoves("extract").stdout == "1 relations changed\n"
    header, row = pmoves("relations", "powerfulmoves", "--typed").stdout.splitlines()
    assert header.split("\t")[:3] == ["SUBJECT", "RELATION", "OBJECT"]
    assert row.split("\t")[:3] == ["Ada Reed", "WORKS_FOR", "PMoves"]
    assert json.loads(pmoves("relations", "darkxside", "--json").stdout)["total"] == 0
    assert json.loads(pmoves("extract", "--json").stdout) == {"changed": 0}


def test_neo4j_is_asked_where_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "PMOVES_NEO4J__URL" in pmoves("import", "--neo4j").stderr
    monkeypatch.setenv("NEO4J_URL", "bolt://127.0.0.1:9")
    monkeypatch.setenv("PMOVES_NEO4J__CONNECT_TIMEOUT_S", "0.2")
    monkeypatch.setenv("PMOVES_NEO4J__TIMEOUT_S", "0.2")
    away = pmoves("import", "--neo4j")
    assert away.exit_code == 1
    assert "bolt://127.0.0.1:9 does not answer" in away.stderr
