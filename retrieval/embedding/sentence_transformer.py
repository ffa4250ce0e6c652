"""Embedding by sentence-transformers, from a local folder, without any network."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from retrieval.bfloat16 import computes_bfloat16
from retrieval.chunk import Vectors
from retrieval.embedding.answers import cut_and_scaled
from retrieval.embedding.batches import token_batches
from retrieval.embedding.model import embedding_identity, load_tokenizer, model_folder
from retrieval.identity import EmbeddingIdentity
from retrieval.settings import EmbeddingSettings


class SentenceTransformerEmbedder:
    """The configured model in this process; constructing it loads the weights.

    Texts are sorted by length and cut into batches of about
    `settings.batch_tokens` padded tokens.
    """

    def __init__(self, settings: EmbeddingSettings) -> None:
        self._settings = settings
        self._identity = embedding_identity(settings)
        self._tokenizer = load_tokenizer(settings)
        self._model = _load(settings)

    @property
    def identity(self) -> EmbeddingIdentity:
        """The model behind the vectors."""
        return self._identity

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, special tokens included."""
        return [len(encoding) for encoding in self._tokenizer.encode_batch_fast(list(texts))]

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions; returns shape (len(texts), dimension), unit length."""
        return self._embed([self._identity.query_prefix + text for text in texts])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages; returns shape (len(texts), dimension), unit length."""
        return self._embed([self._identity.passage_prefix + text for text in texts])

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
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    torch.set_num_threads(settings.threads or max(1, (os.cpu_count() or 2) // 2))
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
