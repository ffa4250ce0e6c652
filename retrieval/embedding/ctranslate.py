"""Embedding by CTranslate2: a BERT-like model in int8 on the CPU, without PyTorch.

Matrices are multiplied in int8 with a scale for each row of both sides, the rest is float32.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from retrieval.chunk import Vectors
from retrieval.embedding.answers import cut_and_scaled
from retrieval.embedding.batches import token_batches
from retrieval.embedding.encoder_weights import write_encoder
from retrieval.embedding.local import LocalEmbedder
from retrieval.embedding.model import load_tokenizer, model_folder
from retrieval.settings import EmbeddingSettings
from retrieval.threads import model_threads

# What a layer makes of so many tokens stays in the cache of a core.
TOKENS_AT_ONCE = 512


class CTranslateEmbedder(LocalEmbedder):
    """The configured model, by CTranslate2."""

    def __init__(self, settings: EmbeddingSettings) -> None:
        super().__init__(settings)
        self._cutting = _cutting(settings, self._identity.max_tokens)
        self._threads = model_threads(settings.threads)
        self._encoder = _load(settings, self._threads)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.empty((len(texts), self._identity.dimension), dtype=np.float32)
        tokens = [encoding.ids for encoding in self._cutting.encode_batch_fast(list(texts))]
        lengths = [len(ids) for ids in tokens]
        budget = min(self._settings.batch_tokens, TOKENS_AT_ONCE * self._threads)
        for batch in token_batches(lengths, budget):
            vectors[batch] = self._encode([tokens[position] for position in batch])
        return vectors

    def _encode(self, tokens: list[list[int]]) -> Vectors:
        hidden = np.asarray(self._encoder.forward_batch(tokens).last_hidden_state)
        pairs = zip(hidden, tokens, strict=True)
        means = np.stack([states[: len(ids)].mean(axis=0) for states, ids in pairs])
        return cut_and_scaled(means, self._identity.dimension)


def _cutting(settings: EmbeddingSettings, most: int) -> Tokenizer:
    tokenizer = load_tokenizer(settings)
    tokenizer.enable_truncation(max_length=most)
    return tokenizer


def _load(settings: EmbeddingSettings, threads: int) -> Any:
    import ctranslate2

    with tempfile.TemporaryDirectory(prefix="pmoves-encoder-") as name:
        write_encoder(model_folder(settings), Path(name))
        return ctranslate2.Encoder(
            name,
            device="cpu",
            compute_type="int8",
            inter_threads=1,
            intra_threads=threads,
        )
