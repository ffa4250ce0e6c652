"""Where questions are embedded: in the gateway itself, or by the deployment `embedder`."""

from collections.abc import Sequence

from retrieval.chunk import Vectors
from retrieval.embedding.base import AsyncEmbedder
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.embedding.opening import in_int8, load_embedder
from retrieval.embedding.warming import warm_up
from retrieval.errors import InvalidInputError
from serve_apps.settings import AppSettings


class OwnQuestions:
    """An `AsyncEmbedder` that embeds questions by `own`, and passages by `deployed`."""

    def __init__(self, own: AsyncEmbedder, deployed: AsyncEmbedder) -> None:
        self._own = own
        self._deployed = deployed

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions in this process."""
        return await self._own.embed_queries(texts)

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages by the deployment; raises as that does."""
        return await self._deployed.embed_passages(texts)


def asked_here(settings: AppSettings) -> bool:
    """Say whether the gateway in this process embeds questions itself.

    Left to itself, it does where the embedder would compute the very same, on a CPU in
    int8, and does not rest. Raises `InvalidInputError` where that is asked for and the
    model is behind HTTP: only the embedder guards calls of a server.
    """
    serve, wanted = settings.serve, settings.serve.embed_questions
    if wanted == "gateway" and settings.embedding.remote:
        raise InvalidInputError(
            f"serve.embed_questions: a model behind {settings.embedding.provider!r} is asked by "
            "the embedder alone; set PMOVES_SERVE__EMBED_QUESTIONS=auto"
        )
    if wanted != "auto":
        return wanted == "gateway"
    rests = serve.embedder_replicas == 0
    return not rests and not serve.embedder_gpus and in_int8(settings.embedding)


def own_questions(settings: AppSettings) -> AsyncEmbedder:
    """Load the model into this process, and return it warm; calls are gathered into batches."""
    model = load_embedder(settings.embedding)
    warm_up(model, remote=False)
    return BatchingEmbedder(model, settings.embedding.batch_tokens)
