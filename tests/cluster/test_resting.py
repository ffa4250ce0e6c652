"""A model that rests at no replica is looked at when the mesh starts."""

import io
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from cluster.errors import MeshError
from cluster.mesh.bringup import bring_up
from cluster.mesh.joining import join
from cluster.mesh.resting import check_resting
from cluster.settings import Settings
from retrieval.embedding.model import model_folder
from retrieval.settings import EmbeddingSettings
from tests.embedders import WordEmbedder
from tests.openai_server import OpenAiServer, serving

NOWHERE = {
    "provider": "openai",
    "url": "http://127.0.0.1:9/v1",
    "model": "words",
    "dimensions": 64,
    "retries": 0,
}


def looked_at(home: Path, **changes: object) -> str:
    """What is printed about the models of these settings."""
    shown = io.StringIO()
    settings = Settings.model_validate({"home": home, **changes})
    check_resting(settings, Console(file=shown, width=1_000))
    return shown.getvalue()


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A copy of the packaged model whose weights were cut off."""
    folder = tmp_path / "damaged"
    shutil.copytree(model_folder(EmbeddingSettings()), folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])
    return folder


def test_a_resting_embedder_whose_weights_are_damaged_is_refused(
    tmp_path: Path, damaged: Path
) -> None:
    embedding = {"model": str(damaged)}
    with pytest.raises(MeshError, match=r"model\.safetensors is damaged.*PMOVES_EMBEDDING__"):
        looked_at(tmp_path, embedding=embedding, serve={"embedder_replicas": 0})
    # One that starts with the mesh is noticed by its deployment.
    assert not looked_at(tmp_path, embedding=embedding)


def test_a_tokenizer_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder(EmbeddingSettings()), folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(MeshError, match=r"tokenizer\.json cannot be read"):
        looked_at(tmp_path, embedding={"model": str(folder)}, serve={"embedder_replicas": 0})


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with pytest.raises(MeshError, match=r"127\.0\.0\.1:9"):
        looked_at(tmp_path, embedding=NOWHERE, serve={"embedder_replicas": 0})


def test_what_can_be_used_is_not_spoken_of(tmp_path: Path, word_embedder: WordEmbedder) -> None:
    assert not looked_at(tmp_path, serve={"embedder_replicas": 0})
    server = OpenAiServer(embed=word_embedder.embed_queries)
    with serving(server) as url:
        remote = NOWHERE | {"url": url, "dimensions": word_embedder.identity.dimension}
        assert not looked_at(tmp_path, embedding=remote, serve={"embedder_replicas": 0})
    assert server.calls


@pytest.mark.parametrize("field", ["model", "model_path"])
def test_a_reranker_without_a_model_is_warned_of(tmp_path: Path, field: str) -> None:
    rerank = {"enabled": True, field: str(tmp_path)}
    shown = looked_at(tmp_path, rerank=rerank, serve={"reranker_replicas": 0})
    assert f"{tmp_path} holds no model" in shown
    assert "PMOVES_RERANK__" in shown
    assert not looked_at(tmp_path, rerank=rerank, serve={"reranker_replicas": 1})


def test_a_reranker_that_the_hub_does_not_give_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    rerank = {"enabled": True, "model": "nobody/has-this"}
    assert "'nobody/has-this' is no folder here" in looked_at(
        tmp_path, rerank=rerank, serve={"reranker_replicas": 0}
    )


def test_nothing_is_started_for_a_model_that_cannot_be_used(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {"home": tmp_path, "embedding": NOWHERE, "serve": {"embedder_replicas": 0}}
    )
    with pytest.raises(MeshError, match="its model cannot be used"):
        bring_up(settings, {}, Console(file=io.StringIO()))
    assert not list(tmp_path.iterdir())


def test_whoever_joins_a_ray_is_warned_since_its_machines_may_have_the_models(
    tmp_path: Path,
) -> None:
    resting = {"embedder_replicas": 0, "reranker_replicas": 0}
    rerank = {"enabled": True, "model": str(tmp_path)}
    settings = Settings.model_validate(
        {"home": tmp_path, "embedding": NOWHERE, "rerank": rerank, "serve": resting}
    )
    shown = io.StringIO()
    with pytest.raises(MeshError, match=r"127\.0\.0\.1:1\b.* does not answer"):
        join(settings, {}, "http://127.0.0.1:1", Console(file=shown, width=1_000))
    embedder, reranker, *_ = shown.getvalue().splitlines()
    assert "this machine cannot use its model: http://127.0.0.1:9/v1" in embedder
    assert "Unless those of that Ray can" in embedder
    assert "this machine cannot get its model" in reranker
