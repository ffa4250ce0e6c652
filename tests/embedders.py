"""A deterministic embedder for tests that need no meaning, only likeness."""

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from retrieval.chunk import Vectors
from retrieval.identity import EmbeddingIdentity

_WORD = re.compile(r"\w+")


class WordEmbedder:
    """Adds a fixed random direction per word and scales to unit length.

    Passes the same conformance suite as the model, in microseconds.
    """

    def __init__(self, dimension: int = 32, max_tokens: int = 256) -> None:
        self._identity = EmbeddingIdentity(
            model="words", revision="1", dimension=dimension, max_tokens=max_tokens
        )

    @property
    def identity(self) -> EmbeddingIdentity:
        """The model behind the vectors."""
        return self._identity

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions; shape (len(texts), dimension), unit length."""
        return self._embed(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages; shape (len(texts), dimension), unit length."""
        return self._embed(texts)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self._identity.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in ["", *_WORD.findall(text.lower())][: self._identity.max_tokens]:
                vectors[row] += self._direction(word)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float32)
        np.divide(vectors, lengths, out=vectors, where=lengths > 0)
        return vectors

    def _direction(self, word: str) -> Vectors:
        seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
        noise = np.random.default_rng(seed).standard_normal(self._identity.dimension)
        return noise.astype(np.float32)
