"""From CTranslate2's Whisper to the checkpoint that openai-whisper reads.

The layout of `model.bin` is that of CTranslate2's `ModelSpec.save`, binary version 6,
whose names of layers are those of its `WhisperSpec`.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from data_jobs.errors import SpeechError
from data_jobs.speech.models import made_once

Array = npt.NDArray[np.float32]

_VERSION = 6
_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_LAYER = re.compile(r"(encoder|decoder)/layer_(\d+)/(.*)/(weight|bias|gamma|beta)")
# Parts of a layer; a fused projection is parted into the ones named here.
_PARTS = {
    "self_attention/layer_norm": ("attn_ln",),
    "self_attention/linear_0": ("attn.query", "attn.key", "attn.value"),
    "self_attention/linear_1": ("attn.out",),
    "attention/layer_norm": ("cross_attn_ln",),
    "attention/linear_0": ("cross_attn.query",),
    "attention/linear_1": ("cross_attn.key", "cross_attn.value"),
    "attention/linear_2": ("cross_attn.out",),
    "ffn/layer_norm": ("mlp_ln",),
    "ffn/linear_0": ("mlp.0",),
    "ffn/linear_1": ("mlp.2",),
}
_KINDS = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}
_OUTSIDE = {
    "encoder/conv1/weight": "encoder.conv1.weight",
    "encoder/conv1/bias": "encoder.conv1.bias",
    "encoder/conv2/weight": "encoder.conv2.weight",
    "encoder/conv2/bias": "encoder.conv2.bias",
    "encoder/layer_norm/gamma": "encoder.ln_post.weight",
    "encoder/layer_norm/beta": "encoder.ln_post.bias",
    "encoder/position_encodings/encodings": "encoder.positional_embedding",
    "decoder/position_encodings/encodings": "decoder.positional_embedding",
    "decoder/embeddings/weight": "decoder.token_embedding.weight",
    "decoder/layer_norm/gamma": "decoder.ln.weight",
    "decoder/layer_norm/beta": "decoder.ln.bias",
}


def checkpoint_of(folder: Path, cache: Path) -> Path:
    """Return a `.pt` file with the weights of the CTranslate2 model in `folder`.

    It is made once and kept in `cache`. Raises `SpeechError` for a model whose
    weights are quantised or of another kind.
    """
    size = (folder / "model.bin").stat().st_size
    target = cache / f"{folder.parent.name}-{folder.name}-{size}.pt"
    with made_once(target) as path:
        if path is not None:
            _convert(folder, path)
    return target


def _convert(folder: Path, path: Path) -> None:
    import torch

    with (folder / "model.bin").open("rb") as file:
        variables = dict(_variables(file))
    state = {name: torch.from_numpy(value) for name, value in _renamed(variables)}
    torch.save({"dims": _dimensions(variables), "model_state_dict": state}, path)


def _variables(file: BinaryIO) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
    (version,) = _numbers(file, "<I")
    kind = _name(file)
    if version != _VERSION or kind != "WhisperSpec":
        raise SpeechError(f"the weights are a {kind} in version {version}, not Whisper in 6")
    _revision, count = _numbers(file, "<II")
    for _ in range(count):
        name = _name(file)
        (rank,) = _numbers(file, "<B")
        shape = _numbers(file, f"<{rank}I")
        number, size = _numbers(file, "<BI")
        yield name, np.frombuffer(file.read(size), dtype=_TYPES[number]).reshape(shape)


def _numbers(file: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


def _name(file: BinaryIO) -> str:
    (length,) = _numbers(file, "<H")
    return file.read(length).rstrip(b"\x00").decode()


def _renamed(variables: dict[str, npt.NDArray[np.generic]]) -> Iterator[tuple[str, Array]]:
    """Yield the weights under the names of openai-whisper."""
    if any(name.endswith("_scale") for name in variables):
        raise SpeechError("the weights are quantised; openai-whisper wants float16 or float32")
    for name, value in variables.items():
        if name in _OUTSIDE:
            yield _OUTSIDE[name], value.astype(np.float32)
        elif layer := _LAYER.fullmatch(name):
            side, number, part, kind = layer.groups()
            names = _PARTS[part]
            for own, piece in zip(names, np.split(value, len(names)), strict=True):
                # The keys of attention have no bias in Whisper; here it is zeros.
                if not (own.endswith("key") and kind == "bias"):
                    yield f"{side}.blocks.{number}.{own}.{_KINDS[kind]}", piece.astype(np.float32)


def _dimensions(variables: dict[str, npt.NDArray[np.generic]]) -> dict[str, int]:
    audio, text = (variables[f"{side}/position_encodings/encodings"] for side in _SIDES)
    heads = [int(np.atleast_1d(variables[f"{side}/num_heads"])[0]) for side in _SIDES]
    layers = [_layers(variables, side) for side in _SIDES]
    vocabulary = variables["decoder/embeddings/weight"].shape[0]
    return {
        "n_mels": variables["encoder/conv1/weight"].shape[1],
        "n_audio_ctx": audio.shape[0],
        "n_audio_state": audio.shape[1],
        "n_audio_head": heads[0],
        "n_audio_layer": layers[0],
        "n_vocab": vocabulary,
        "n_text_ctx": text.shape[0],
        "n_text_state": text.shape[1],
        "n_text_head": heads[1],
        "n_text_layer": layers[1],
    }


_SIDES = ("encoder", "decoder")


def _layers(variables: dict[str, npt.NDArray[np.generic]], side: str) -> int:
    found = (_LAYER.fullmatch(name) for name in variables)
    return 1 + max(int(layer[2]) for layer in found if layer and layer[1] == side)
