"""The embedder that the settings name."""

import os
from importlib.util import find_spec
from pathlib import Path

from retrieval.embedding.base import Embedder
from retrieval.embedding.ctranslate import CTranslateEmbedder
from retrieval.embedding.encoder_weights import is_encoder
from retrieval.embedding.model import model_folder
from retrieval.embedding.remote import HttpEmbedder
from retrieval.embedding.sentence_transformer import SentenceTransformerEmbedder
from retrieval.errors import InvalidInputError
from retrieval.settings import EmbeddingSettings

_GPUS = ("/dev/nvidia0", "/dev/nvhost-gpu", "/dev/nvmap", "/dev/dxg", "/dev/kfd")


def load_embedder(settings: EmbeddingSettings) -> Embedder:
    """Return the embedder; a local model is loaded, a server is asked for its dimension.

    Raises `InvalidInputError` for wrong settings, and as `HttpEmbedder` does.
    """
    if settings.remote:
        return HttpEmbedder(settings)
    kind = CTranslateEmbedder if in_int8(settings) else SentenceTransformerEmbedder
    return kind(settings)


def in_int8(settings: EmbeddingSettings) -> bool:
    """Say whether the vectors are computed in int8, by CTranslate2.

    Raises `InvalidInputError` where that is asked for and the model is none for it.
    """
    if settings.remote or settings.dtype not in ("auto", "int8"):
        return False
    folder = model_folder(settings)
    possible = is_encoder(folder)
    if settings.dtype == "int8" and not possible:
        raise InvalidInputError(
            f"embedding.dtype: {folder.name!r} cannot be computed in int8, which takes a BERT with "
            "mean pooling; set PMOVES_EMBEDDING__DTYPE=auto"
        )
    return possible and (settings.dtype == "int8" or not _has_gpu())


def _has_gpu() -> bool:
    """Say whether PyTorch has a GPU, without importing it where there is none to be seen."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    if hidden or not any(Path(device).exists() for device in _GPUS) or not find_spec("torch"):
        return False
    import torch

    return bool(torch.cuda.is_available())
