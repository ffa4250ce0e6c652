"""Which models can be computed in int8."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from retrieval.embedding.encoder_weights import is_encoder
from retrieval.embedding.model import model_folder
from retrieval.embedding.opening import load_embedder
from retrieval.errors import InvalidInputError
from retrieval.settings import EmbeddingSettings


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of what is told of the packaged model, with no weights in it."""
    folder = tmp_path / "model"
    left_out = shutil.ignore_patterns("*.safetensors", "*.bin", "*.onnx", "*.h5")
    shutil.copytree(model_folder(EmbeddingSettings()), folder, ignore=left_out)
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def changed(path: Path, **values: Any) -> None:
    """Put other values into a file of settings."""
    path.chmod(0o644)
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_the_packaged_model_can(model: Path) -> None:
    assert is_encoder(model)


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("config.json", {"model_type": "mpnet"}),
        ("config.json", {"hidden_act": "silu"}),
        ("config.json", {"position_embedding_type": "relative_key"}),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}),
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": False}),
    ],
)
def test_other_kinds_are_left_to_pytorch(model: Path, file: str, values: dict[str, Any]) -> None:
    changed(model / file, **values)
    assert not is_encoder(model)
    with pytest.raises(InvalidInputError, match="PMOVES_EMBEDDING__DTYPE=auto"):
        load_embedder(EmbeddingSettings(model=str(model), dtype="int8"))


@pytest.mark.parametrize("text", ["[]", "{}", "null", "no JSON", '[{"type": 1}]'])
def test_what_tells_nothing_is_left_to_pytorch(model: Path, text: str) -> None:
    path = model / "modules.json"
    path.chmod(0o644)
    path.write_text(text)
    assert not is_encoder(model)


def test_pytorch_is_not_imported_for_it() -> None:
    program = (
        "import sys\n"
        "from retrieval.embedding.opening import load_embedder\n"
        "from retrieval.settings import EmbeddingSettings\n"
        "load_embedder(EmbeddingSettings()).embed_queries(['boat'])\n"
        "assert 'torch' not in sys.modules\n"
        "import torch\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"CUDA_VISIBLE_DEVICES": ""})
