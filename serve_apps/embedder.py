"""The embedding model as a deployment: loaded and warm before the first call."""

from collections.abc import Sequence

from retrieval.chunk import Vectors
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.embedding.sentence_transformer import SentenceTransformerEmbedder
from retrieval.settings import EmbeddingSettings

_WARM_UP = ("warm", "warm up " * 24, "warm up " * 240)


class Embedder:
    """Embeds texts for everybody; calls that wait are gathered into batches."""

    def __init__(self, settings: EmbeddingSettings) -> None:
        model = SentenceTransformerEmbedder(settings)
        for text in _WARM_UP:
            model.embed_queries([text])
        self._batching = BatchingEmbedder(model, settings.batch_tokens)

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of questions, float32 of shape (len(texts), dimension)."""
        return await self._batching.embed_queries(texts)

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of passages, float32 of shape (len(texts), dimension)."""
        return await self._batching.embed_passages(texts)
