"""A deterministic embedder for tests that need no meaning, only likeness."""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from retrieval.chunk import Vectors
from retrieval.identity import EmbeddingIdentity

_WORD = re.compile(r"\w+")


class WordEmbedder:
    """Adds a fixed random direction per word and scales to unit length.

    Passes the same conformance suite as the model, in microseconds.
    """

    def __init__(
        self,
        dimension: int = 32,
        max_tokens: int = 256,
        model: str = "words",
        query_prefix: str = "",
        passage_prefix: str = "",
    ) -> None:
        self._identity = EmbeddingIdentity(
            model=model,
            revision="1",
            dimension=dimension,
            max_tokens=max_tokens,
            query_prefix=query_prefix,
            passage_prefix=passage_prefix,
        )
        # Another model has other directions for the same words.
        self._salt = "" if model == "words" else f"{model} "

    @property
    def identity(self) -> EmbeddingIdentity:
        """The model behind the vectors."""
        return self._identity

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions; shape (len(texts), dimension), unit length."""
        return self._embed([self._identity.query_prefix + text for text in texts])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages; shape (len(texts), dimension), unit length."""
        return self._embed([self._identity.passage_prefix + text for text in texts])

    def _embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self._identity.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in ["", *_WORD.findall(text.lower())][: self._identity.max_tokens]:
                vectors[row] += self._direction(word)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float32)
        np.divide(vectors, lengths, out=vectors, where=lengths > 0)
        return vectors

    def _direction(self, word: str) -> Vectors:
        return _direction(self._salt + word, self._identity.dimension)


@lru_cache(100_000)
def _direction(name: str, dimension: int) -> Vectors:
    seed = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")
    noise = np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
    noise.flags.writeable = False
    return noise
