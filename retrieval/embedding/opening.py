"""The embedder that the settings name."""

from retrieval.embedding.base import Embedder
from retrieval.embedding.remote import HttpEmbedder
from retrieval.embedding.sentence_transformer import SentenceTransformerEmbedder
from retrieval.settings import EmbeddingSettings


def load_embedder(settings: EmbeddingSettings) -> Embedder:
    """Return the embedder; a local model is loaded, a server is asked for its dimension.

    Raises `InvalidInputError` for wrong settings, and as `HttpEmbedder` does.
    """
    return HttpEmbedder(settings) if settings.remote else SentenceTransformerEmbedder(settings)
