"""What models in this process have in common, whoever computes them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from retrieval.chunk import Vectors
from retrieval.embedding.model import embedding_identity, load_tokenizer
from retrieval.identity import EmbeddingIdentity
from retrieval.settings import EmbeddingSettings


class LocalEmbedder(ABC):
    """The configured model in this process; constructing it loads the weights.

    Texts are sorted by length and cut into batches of about
    `settings.batch_tokens` padded tokens.
    """

    def __init__(self, settings: EmbeddingSettings) -> None:
        self._settings = settings
        self._identity = embedding_identity(settings)
        self._tokenizer = load_tokenizer(settings)

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

    @abstractmethod
    def _embed(self, texts: Sequence[str]) -> Vectors:
        """Embed texts as they are."""
