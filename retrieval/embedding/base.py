"""The interface of embedders."""

from collections.abc import Sequence
from typing import Protocol

from retrieval.chunk import Vectors
from retrieval.identity import EmbeddingIdentity


class Embedder(Protocol):
    """Turns texts into vectors of shape (n, dimension), float32, in order.

    Implementations cut what is longer than `identity.max_tokens` and may be
    called from any thread, one call at a time.
    """

    @property
    def identity(self) -> EmbeddingIdentity:
        """The model behind the vectors."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions, with the model's query prefix."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages, with the model's passage prefix."""
        ...


class AsyncEmbedder(Protocol):
    """An embedder that many callers share; small calls are gathered into batches."""

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions."""
        ...

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages."""
        ...
