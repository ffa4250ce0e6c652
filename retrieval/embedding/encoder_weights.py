"""From the weights of a BERT-like sentence-transformers model to those of CTranslate2.

CTranslate2's own converter loads the model with PyTorch and transformers first, which takes
each process seconds; this reads the same tensors from their file.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[np.float32]]
_TYPES = ("Transformer", "Pooling", "Normalize")


def is_encoder(folder: Path) -> bool:
    """Say whether the model in `folder` is one that can be written so.

    That is a BERT with absolute positions and GELU, whose vectors are the mean of those of all
    tokens, scaled to unit length.
    """
    try:
        modules = json.loads((folder / "modules.json").read_text("utf-8"))
        kinds = tuple(module["type"].rpartition(".")[2] for module in modules)
        config = _json(folder / "config.json")
        pooling = _json(folder / modules[1]["path"] / "config.json")
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError):
        return False
    modes = {name for name, on in pooling.items() if name.startswith("pooling_mode") and on is True}
    return (
        kinds == _TYPES
        and modes == {"pooling_mode_mean_tokens"}
        and config.get("model_type") == "bert"
        and config.get("hidden_act") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
    )


def write_encoder(folder: Path, target: Path) -> None:
    """Write the model in `folder` into the empty folder `target`, its matrices in int8.

    Each row of a matrix has a scale of its own. Raises `KeyError` where tensors are missing.
    """
    with _spared("torch"):
        from ctranslate2.specs import common_spec, transformer_spec
    from safetensors.numpy import load_file

    config, tensors = _json(folder / "config.json"), load_file(folder / "model.safetensors")
    encoder = transformer_spec.TransformerEncoderSpec(
        config["num_hidden_layers"],
        config["num_attention_heads"],
        pre_norm=False,
        activation=common_spec.Activation.GELU,
        layernorm_embedding=True,
        num_source_embeddings=2,
        embeddings_merge=common_spec.EmbeddingsMerge.ADD,
    )
    spec = transformer_spec.TransformerEncoderModelSpec(encoder)
    encoder.scale_embeddings = False
    _set_embeddings(encoder, tensors)
    for number, layer in enumerate(encoder.layer):
        _set_layer(layer, tensors, f"encoder.layer.{number}.")
    spec.register_vocabulary([f"token-{number}" for number in range(config["vocab_size"])])
    spec.config.unk_token = "token-0"
    spec.config.layer_norm_epsilon = config["layer_norm_eps"]
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(target))


@contextmanager
def _spared(module: str) -> Iterator[None]:
    """Let nobody import `module`, which CTranslate2 does where it can, and can do without."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]


def _set_embeddings(encoder: Any, tensors: Tensors) -> None:
    words, kinds = encoder.embeddings
    words.weight = tensors["embeddings.word_embeddings.weight"]
    kinds.weight = tensors["embeddings.token_type_embeddings.weight"]
    encoder.position_encodings.encodings = tensors["embeddings.position_embeddings.weight"]
    _set(encoder.layernorm_embedding, tensors, "embeddings.LayerNorm", "gamma", "beta")


def _set_layer(layer: Any, tensors: Tensors, prefix: str) -> None:
    attention, own = layer.self_attention, f"{prefix}attention."
    parts = [f"{own}self.{name}" for name in ("query", "key", "value")]
    attention.linear[0].weight = np.concatenate([tensors[f"{part}.weight"] for part in parts])
    attention.linear[0].bias = np.concatenate([tensors[f"{part}.bias"] for part in parts])
    _set(attention.linear[1], tensors, f"{own}output.dense")
    _set(attention.layer_norm, tensors, f"{own}output.LayerNorm", "gamma", "beta")
    _set(layer.ffn.linear_0, tensors, f"{prefix}intermediate.dense")
    _set(layer.ffn.linear_1, tensors, f"{prefix}output.dense")
    _set(layer.ffn.layer_norm, tensors, f"{prefix}output.LayerNorm", "gamma", "beta")


def _set(
    spec: Any, tensors: Tensors, name: str, weight: str = "weight", bias: str = "bias"
) -> None:
    setattr(spec, weight, tensors[f"{name}.weight"])
    setattr(spec, bias, tensors[f"{name}.bias"])


def _json(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text("utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no object")
    return found
