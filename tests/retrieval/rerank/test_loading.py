"""Where a model comes from, and what is said where it does not."""

from pathlib import Path
from typing import Any

import pytest

from retrieval.errors import InvalidInputError, StageError
from retrieval.rerank.loading import load_reranker
from retrieval.rerank.model import CPU_MODEL, GPU_MODEL, model_folder, wanted_model
from retrieval.settings import RerankSettings, S3Settings
from tests.retrieval.rerank.checkpoints import make_classifier, make_language_model


def folder_of(folder: Path, name: str = "model") -> Path:
    """Return a folder that looks like a model."""
    made = folder / name
    made.mkdir()
    (made / "config.json").write_text('{"architectures": ["XLMRobertaForSequenceClassification"]}')
    (made / "model.safetensors").write_bytes(b"weights")
    return made


def found(cache: Path, **fields: Any) -> tuple[Path, list[str]]:
    return model_folder(RerankSettings.model_validate(fields), cache, S3Settings(), cuda=False)


def test_the_profile_names_a_model_where_nobody_does() -> None:
    settings = RerankSettings()
    assert wanted_model(settings, cuda=False) == CPU_MODEL == "BAAI/bge-reranker-base"
    assert wanted_model(settings, cuda=True) == GPU_MODEL == "Qwen/Qwen3-Reranker-0.6B"
    assert wanted_model(RerankSettings(model="x"), cuda=True) == "x"


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    model = folder_of(tmp_path)
    assert found(tmp_path, model=str(model)) == (model, [])
    assert found(tmp_path, model="elsewhere/else", model_path=str(model)) == (model, [])
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InvalidInputError, match="holds no model"):
        found(tmp_path, model=str(empty))


def test_a_path_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    model = folder_of(tmp_path)
    folder, warnings = found(tmp_path, model=str(model), model_path=str(tmp_path / "no"))
    assert folder == model
    assert warnings == [
        f"rerank.model_path: there is no folder {tmp_path / 'no'}; rerank.model is taken"
    ]


def test_a_name_that_can_be_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="neither a folder nor the id of a model"):
        found(tmp_path, model="../no such/thing/at all")


def test_a_hub_that_does_not_answer_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    def refuse(*_arguments: object, **_options: object) -> str:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(StageError, match=r"the model hub does not give it \(ConnectionError"):
        found(tmp_path, model="BAAI/bge-reranker-base")


class Store:
    """An object store that loses its connection unless it is whole."""

    whole = False

    def get(self, source: str, target: str, *, recursive: bool) -> None:
        """Copy a model, or half of it."""
        assert (source, recursive) == ("s3://models/tiny/", True)
        (Path(target) / "config.json").write_text("{}")
        if not self.whole:
            raise OSError("connection reset")
        (Path(target) / "model.safetensors").write_bytes(b"weights")


def test_half_a_copy_is_never_taken_for_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store()
    monkeypatch.setattr("retrieval.rerank.model.file_system", lambda _s3: store)
    with pytest.raises(StageError, match="cannot be fetched: connection reset"):
        found(tmp_path, model="s3://models/tiny")
    store.whole = True
    folder, _ = found(tmp_path, model="s3://models/tiny")
    store.whole = False
    assert found(tmp_path, model="s3://models/tiny/")[0] == folder


@pytest.mark.integration
@pytest.mark.xdist_group("torch")
def test_the_model_itself_says_how_it_is_run(tmp_path: Path) -> None:
    classifier = make_classifier(tmp_path / "classifier")
    language = make_language_model(tmp_path / "language")
    for folder, provider in ((classifier, "cross-encoder"), (language, "qwen3")):
        loaded = load_reranker(RerankSettings(model=str(folder), max_tokens=1024), tmp_path)
        state = loaded.state
        assert (state.provider, state.resolved, state.device) == (provider, str(folder), "cpu")
        assert (state.loaded, state.use_fp16, state.warnings) == (True, False, [])
    with pytest.raises(InvalidInputError, match="the template of qwen3 alone takes"):
        load_reranker(RerankSettings(model=str(language), max_tokens=64), tmp_path)
    (language / "tokenizer.json").write_text("{}")
    with pytest.raises(InvalidInputError, match="cannot be loaded by 'qwen3'"):
        load_reranker(RerankSettings(model=str(language)), tmp_path)


@pytest.mark.integration
@pytest.mark.xdist_group("torch")
def test_a_model_without_a_head_is_refused(tmp_path: Path) -> None:
    model = folder_of(tmp_path)
    with pytest.raises(InvalidInputError, match=r"'qwen3' needs a model of the kind ForCausalLM"):
        load_reranker(RerankSettings(provider="qwen3", model=str(model)), tmp_path)
    (model / "config.json").write_text('{"architectures": ["BertModel"]}')
    with pytest.raises(InvalidInputError, match=r"ForSequenceClassification; .* is BertModel"):
        load_reranker(RerankSettings(model=str(model)), tmp_path)


@pytest.mark.integration
@pytest.mark.xdist_group("torch")
def test_a_model_of_many_classes_is_refused(tmp_path: Path) -> None:
    from transformers import XLMRobertaConfig, XLMRobertaForSequenceClassification

    model = make_classifier(tmp_path / "model")
    config = XLMRobertaConfig.from_pretrained(model, num_labels=3)
    XLMRobertaForSequenceClassification(config).save_pretrained(model)
    with pytest.raises(InvalidInputError, match="sorts into 3 classes"):
        load_reranker(RerankSettings(model=str(model)), tmp_path)


@pytest.mark.integration
@pytest.mark.xdist_group("torch")
def test_a_server_is_not_loaded(tmp_path: Path) -> None:
    model = folder_of(tmp_path)
    with pytest.raises(InvalidInputError, match="runs on a server"):
        load_reranker(RerankSettings(provider="tei", model=str(model)), tmp_path)
