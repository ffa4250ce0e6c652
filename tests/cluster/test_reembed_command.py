"""`pmoves reembed` over the real model and a home."""

import json
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner, Result

from cluster.cli.app import app
from cluster.mesh.state import write_state
from retrieval.corpus.locking import sole_run
from retrieval.corpus.meta import read_identity
from retrieval.corpus.store import Corpus
from retrieval.embedding.ctranslate import CTranslateEmbedder
from retrieval.settings import EmbeddingSettings
from tests.cluster.test_mesh_state import example


def pmoves(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(autouse=True)
def _one_model(packaged_embedder: CTranslateEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lend the weights of the session to every embedder; loading them again takes seconds."""
    monkeypatch.setattr(
        "retrieval.embedding.ctranslate._load",
        lambda _settings, _threads: packaged_embedder._encoder,
    )


def test_another_prefix_is_brought_to_every_passage(
    home: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMOVES_EMBEDDING__PASSAGE_PREFIX", "passage: ")
    refused = pmoves("search", "phantom power")
    assert refused.exit_code == 1
    assert "passage_prefix: '' here, 'passage: ' given" in refused.stderr
    assert "`pmoves reembed`" in refused.stderr
    made = pmoves("reembed")
    assert made.exit_code == 0, made.output
    assert "passage prefix 'passage: ', 2 passages embedded" in made.stdout
    assert "2 of 2 passages" in made.stderr
    assert "restart" not in made.stderr
    assert read_identity(corpus.uri).passage_prefix == "passage: "
    assert "Microphones" in pmoves("search", "phantom power", "--k", "1").stdout
    prefixed = CTranslateEmbedder(EmbeddingSettings(passage_prefix="passage: "))
    row = corpus.dataset().to_table(columns=["indexed_text", "vector"]).to_pylist()[0]
    wanted = prefixed.embed_passages([row["indexed_text"]])[0]
    assert row["vector"] == pytest.approx(wanted.tolist(), abs=1e-2)
    assert [path.name for path in home.glob("cache/reembed*")] == []


@pytest.mark.usefixtures("corpus")
def test_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_EMBEDDING__QUERY_PREFIX", "query: ")
    made = pmoves("reembed", "--json")
    assert made.exit_code == 0, made.output
    told = json.loads(made.stdout)
    assert set(told) == {"uri", "before", "after", "embedded", "index_version"}
    assert (told["before"]["query_prefix"], told["after"]["query_prefix"]) == ("", "query: ")
    assert told["embedded"] == 0
    again = json.loads(pmoves("reembed", "--json").stdout)
    assert again["before"] == again["after"] == told["after"]


@pytest.mark.usefixtures("corpus")
def test_without_a_change_it_says_so() -> None:
    assert "already" in pmoves("reembed").stdout


@pytest.mark.usefixtures("home")
def test_without_a_corpus_it_fails() -> None:
    refused = pmoves("reembed")
    assert refused.exit_code == 1
    assert "there is no corpus" in refused.stderr


def test_of_two_one_is_refused(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_EMBEDDING__PASSAGE_PREFIX", "passage: ")
    with sole_run(corpus.chunks_uri, "reembed"):
        refused = pmoves("reembed")
    assert refused.exit_code == 1
    assert "already; wait for its end" in refused.stderr
    assert read_identity(corpus.uri).passage_prefix == ""


@pytest.mark.usefixtures("corpus")
def test_ended_by_its_user_it_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("PMOVES_EMBEDDING__PASSAGE_PREFIX", "passage: ")
    with monkeypatch.context() as patched:
        patched.setattr(CTranslateEmbedder, "embed_passages", interrupted)
        stopped = pmoves("reembed")
    assert stopped.exit_code == 1
    assert "the same command goes on from there" in stopped.stderr
    assert "2 passages embedded" in pmoves("reembed").stdout


def note_running_mesh(home: Path) -> None:
    """Record this very process as the head of a mesh."""
    process = psutil.Process()
    state = example(home).model_copy(
        update={
            "phase": "running",
            "head_pid": process.pid,
            "head_created": process.create_time(),
        }
    )
    write_state(home / "run", state)


@pytest.mark.usefixtures("corpus")
def test_where_the_mesh_does_not_answer_it_says_what_to_do(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_running_mesh(home)
    (home / "token").write_text("secret")
    monkeypatch.setenv("PMOVES_EMBEDDING__QUERY_PREFIX", "query: ")
    made = pmoves("reembed")
    assert made.exit_code == 0
    assert "does not answer" in made.stderr
    assert "restart it with these settings: `pmoves down`" in made.stderr
