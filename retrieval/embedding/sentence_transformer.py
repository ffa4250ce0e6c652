"""Embedding by sentence-transformers, from a local folder, without any network."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from retrieval.bfloat16 import computes_bfloat16
from retrieval.chunk import Vectors
from retrieval.embedding.answers import cut_and_scaled
from retrieval.embedding.batches import token_batches
from retrieval.embedding.local import LocalEmbedder
from retrieval.embedding.model import model_folder
from retrieval.pytorch import require_pytorch
from retrieval.settings import EmbeddingSettings
from retrieval.threads import model_threads


class SentenceTransformerEmbedder(LocalEmbedder):
    """The configured model, by sentence-transformers and PyTorch."""

    def __init__(self, settings: EmbeddingSettings) -> None:
        super().__init__(settings)
        self._model = _load(settings)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.empty((len(texts), self._identity.dimension), dtype=np.float32)
        lengths = [min(count, self._identity.max_tokens) for count in self.count_tokens(texts)]
        for batch in token_batches(lengths, self._settings.batch_tokens):
            vectors[batch] = self._encode([texts[position] for position in batch])
        return vectors

    def _encode(self, texts: list[str]) -> Vectors:
        found = self._model.encode(texts, batch_size=len(texts), show_progress_bar=False)
        # In bfloat16 the model's own scaling is off by up to one percent.
        return cut_and_scaled(np.asarray(found, dtype=np.float32), self._identity.dimension)


def _load(settings: EmbeddingSettings) -> Any:
    require_pytorch("embedding.model", settings.model)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.set_num_threads(model_threads(settings.threads))
    return SentenceTransformer(
        str(model_folder(settings)),
        device="cuda" if torch.cuda.is_available() else "cpu",
        local_files_only=True,
        model_kwargs={"dtype": _dtype(settings)},
    )


def _dtype(settings: EmbeddingSettings) -> Any:
    import torch

    if settings.dtype != "auto":
        return getattr(torch, settings.dtype)
    if torch.cuda.is_available() or computes_bfloat16():
        return torch.bfloat16
    return torch.float32
