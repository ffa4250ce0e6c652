"""The doctor finds what is wrong and says what to do."""

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster.cli.app import app
from cluster.doctor import recordings
from cluster.mesh.ports import any_free_port
from cluster.mesh.state import write_state
from cluster.settings import Settings
from retrieval.corpus.store import Corpus
from tests.cluster.test_mesh_state import example
from tests.embedders import WordEmbedder
from tests.openai_server import OpenAiServer, serving

# The doctor imports every package with compiled parts.
pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("model")]


@pytest.fixture(autouse=True)
def free_port(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that no mesh on this machine has taken."""
    monkeypatch.setenv("PMOVES_HTTP__PORT", str(any_free_port()))


def findings() -> tuple[int, dict[str, dict[str, str]]]:
    result = CliRunner().invoke(app, ["doctor", "--json"])
    found = json.loads(result.stdout)["findings"]
    return result.exit_code, {finding["name"]: finding for finding in found}


def test_all_is_well_with_a_corpus(corpus: Corpus) -> None:
    code, found = findings()
    assert code == 0
    assert found["corpus"]["detail"].startswith(f"version {corpus.version}: ")
    assert found["model"]["level"] == "ok"
    assert found["packages"]["level"] == "ok"
    assert found["mesh"]["detail"] == "none runs for this home"


def test_looking_creates_nothing(home: Path) -> None:
    assert findings()[0] == 0
    assert not home.exists()


def test_a_corpus_of_another_model_fails(home: Path, word_embedder: WordEmbedder) -> None:
    Corpus.open(str(home / "corpus"), word_embedder.identity)
    code, found = findings()
    assert code == 1
    assert found["corpus"]["level"] == "fail"
    assert "'words'" in found["corpus"]["detail"]
    assert found["corpus"]["advice"]


def test_a_damaged_corpus_fails(home: Path) -> None:
    (home / "corpus").mkdir(parents=True)
    (home / "corpus" / "meta.lance").write_text("no table")
    code, found = findings()
    assert (code, found["corpus"]["level"]) == (1, "fail")


def test_a_taken_port_fails_with_its_holder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        monkeypatch.setenv("PMOVES_HTTP__PORT", str(listener.getsockname()[1]))
        code, found = findings()
    assert (code, found["port"]["level"]) == (1, "fail")
    assert "(process " in found["port"]["detail"]


@pytest.mark.integration
def test_a_mesh_without_its_head_is_told(home: Path, tmp_path: Path) -> None:
    write_state(home / "run", example(tmp_path))
    assert "pmoves down" in findings()[1]["mesh"]["advice"]


def test_wrong_settings_come_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_SEARCH__ALPHA", "2")
    code, found = findings()
    assert code == 1
    assert next(iter(found.values()))["name"] == "settings"
    assert "corpus" not in found


def test_lanes_that_are_off_are_named_with_one_command(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    code, found = findings()
    assert code == 0
    assert found["ocr"]["level"] == found["office"]["level"] == "warn"
    assert "apt-get install tesseract-ocr" in found["ocr"]["advice"]
    assert "libreoffice-writer" in found["office"]["advice"]


def test_a_model_of_voices_that_is_missing_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def found() -> dict[str, str]:
        told = {each.name: each for each in recordings.check_recordings(Settings())}
        each = told.get("speakers")
        return {} if each is None else {"detail": each.detail, "advice": str(each.advice)}

    assert found() == {}
    monkeypatch.setenv("PMOVES_SPEECH__SPEAKERS__BACKEND", "sherpa-onnx")
    monkeypatch.setattr(recordings, "find_spec", lambda name: None)
    assert "pmoves-mesh[speakers]" in found()["advice"]
    monkeypatch.setattr(recordings, "find_spec", lambda name: name)
    assert "there is no model" in found()["detail"]
    model = tmp_path / "voices.onnx"
    model.touch()
    monkeypatch.setenv("PMOVES_SPEECH__SPEAKERS__MODEL", str(model))
    assert "voices.onnx" in found()["detail"]


def test_a_model_over_http_is_asked(
    home: Path, monkeypatch: pytest.MonkeyPatch, word_embedder: WordEmbedder
) -> None:
    for name, value in (("PROVIDER", "ollama"), ("MODEL", "words"), ("DIMENSIONS", "32")):
        monkeypatch.setenv(f"PMOVES_EMBEDDING__{name}", value)
    server = OpenAiServer(embed=word_embedder.embed_passages)
    with serving(server) as url:
        monkeypatch.setenv("PMOVES_EMBEDDING__URL", url)
        assert findings()[1]["model"]["detail"] == "words, 32 dimensions, from ollama"
        server.model = "letters"
        found = findings()[1]["model"]
    assert found["level"] == "fail"
    assert "'letters', but 'words' was asked for" in found["detail"]
