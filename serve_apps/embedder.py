"""The embedding model as a deployment: loaded and warm before the first call.

Over HTTP, the deployment is where the calls of all gateways are gathered into batches.
"""

from collections.abc import Sequence

from retrieval.chunk import Vectors
from retrieval.closing import Closing
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.embedding.opening import load_embedder
from retrieval.embedding.warming import warm_up
from serve_apps.logs import configure_replica_logging
from serve_apps.scaling import BACKLOG
from serve_apps.settings import AppArgs
from serve_apps.tracing import Carrier, make_tracing


class Embedder:
    """Embeds texts for everybody; calls that wait are gathered into batches.

    `trace` continues the caller's trace.
    """

    def __init__(self, settings: AppArgs) -> None:
        configure_replica_logging(settings.log)
        self._tracing = make_tracing(settings.tracing, "embedder")
        self._model = model = load_embedder(settings.embedding)
        warm_up(model, settings.embedding.remote)
        self._batching = BatchingEmbedder(model, settings.embedding.batch_tokens)

    async def embed_queries(self, texts: Sequence[str], trace: Carrier) -> Vectors:
        """Return the vectors of questions, float32 of shape (len(texts), dimension)."""
        with self._tracing.continued(trace, "embed_queries") as span:
            span.set_attribute("pmoves.texts", len(texts))
            return await self._batching.embed_queries(texts)

    async def embed_passages(self, texts: Sequence[str], trace: Carrier) -> Vectors:
        """Return the vectors of passages, float32 of shape (len(texts), dimension)."""
        with self._tracing.continued(trace, "embed_passages") as span:
            span.set_attribute("pmoves.texts", len(texts))
            return await self._batching.embed_passages(texts)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Return what Serve scales this deployment by; see `serve_apps.scaling`."""
        return {BACKLOG: self._batching.backlog_s}

    def close(self) -> None:
        """End the threads, and the connections of a model over HTTP."""
        self._batching.close(wait=True)
        if isinstance(self._model, Closing):
            self._model.close()
