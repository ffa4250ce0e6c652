"""Vectors that were computed once, for whoever embeds the same text by the same model again."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from retrieval.chunk import Vectors
from retrieval.embedding.base import Embedder
from retrieval.embedding.model import embedding_identity
from retrieval.embedding.opening import in_int8
from retrieval.ids import content_hash
from retrieval.settings import EmbeddingSettings

PORTION = 512
"""How many texts are embedded and kept at a time; so many are lost by an interruption."""


class VectorFolder:
    """Vectors by the hash of their text, in files that are written once and never changed.

    Any number of processes may add at the same time; each reads what was there when it began.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Vectors] = {}
        for file in sorted(folder.glob("*.npz")):
            with np.load(file) as part:
                self._known |= dict(zip(part["keys"].tolist(), part["vectors"], strict=True))

    def find(self, key: str) -> Vectors | None:
        """Return the vector of shape (dimension,) under `key`, or None."""
        return self._known.get(key)

    def add(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Keep a vector for each key, as one file."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".part", delete=False) as part:
            np.savez(part, keys=np.array(keys), vectors=vectors)
        written = Path(part.name)
        written.rename(written.with_suffix(".npz"))
        self._known |= dict(zip(keys, vectors, strict=True))


class RememberingEmbedder:
    """An `Embedder` that computes what `folder` does not hold yet, and loads the model only then.

    Vectors are known by the text with its prefix, so that models of the same weights and
    number format share them whatever their prefixes are.
    """

    def __init__(
        self,
        settings: EmbeddingSettings,
        folder: Path,
        load: Callable[[EmbeddingSettings], Embedder],
    ) -> None:
        self.identity = embedding_identity(settings)
        bare = self.identity.model_copy(update={"query_prefix": "", "passage_prefix": ""})
        dtype = "int8" if in_int8(settings) else settings.dtype
        name = content_hash(bare.model_dump_json(), dtype)[:16]
        self._bare = settings.model_copy(update={"query_prefix": "", "passage_prefix": ""})
        self._folder = VectorFolder(folder / name)
        self._load = load

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of questions, shape (len(texts), dimension)."""
        return self._embed([self.identity.query_prefix + text for text in texts])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of passages, shape (len(texts), dimension)."""
        return self._embed([self.identity.passage_prefix + text for text in texts])

    def _embed(self, texts: Sequence[str]) -> Vectors:
        keys = [content_hash(text) for text in texts]
        missing = dict(zip(keys, texts, strict=True))
        new = [key for key in missing if self._folder.find(key) is None]
        for start in range(0, len(new), PORTION):
            portion = new[start : start + PORTION]
            vectors = self._load(self._bare).embed_passages([missing[key] for key in portion])
            self._folder.add(portion, vectors)
        found = [self._folder.find(key) for key in keys]
        return np.array(found, dtype=np.float32).reshape(len(texts), self.identity.dimension)
