"""Whether the configured model can be used, without loading it."""

from safetensors import SafetensorError, safe_open

from retrieval.embedding.model import embedding_identity, load_tokenizer, model_folder
from retrieval.embedding.opening import in_int8
from retrieval.embedding.remote import HttpEmbedder
from retrieval.errors import InvalidInputError
from retrieval.identity import EmbeddingIdentity
from retrieval.pytorch import require_pytorch
from retrieval.settings import EmbeddingSettings


def check_model(settings: EmbeddingSettings) -> EmbeddingIdentity:
    """Return the model's identity once its files are found whole, or its server has answered.

    Raises `InvalidInputError` for wrong settings, and as `HttpEmbedder` does.
    """
    if settings.remote:
        with HttpEmbedder(settings) as embedder:
            embedder.embed_queries(["ready"])
            return embedder.identity
    identity = embedding_identity(settings)
    if not in_int8(settings):
        require_pytorch("embedding.model", settings.model)
    _check_files(settings)
    return identity


def _check_files(settings: EmbeddingSettings) -> None:
    weights = model_folder(settings) / "model.safetensors"
    try:
        # The header tells how long the file must be.
        with safe_open(str(weights), framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise InvalidInputError(f"embedding.model: {weights} is damaged: {error}") from error
    try:
        load_tokenizer(settings)
    except Exception as error:
        # The library raises no class of its own.
        raise InvalidInputError(
            f"embedding.model: {weights.with_name('tokenizer.json')} cannot be read: {error}"
        ) from error
