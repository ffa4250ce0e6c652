"""The reranking model as a deployment: loaded and warm before the first call."""

import logging
import threading
from collections.abc import Sequence

from retrieval.errors import StageError
from retrieval.rerank.base import RerankerState, Scores
from retrieval.rerank.batching import BatchingReranker
from retrieval.rerank.loading import load_reranker
from serve_apps.logs import configure_replica_logging
from serve_apps.scaling import BACKLOG
from serve_apps.settings import AppArgs
from serve_apps.tracing import Carrier, make_tracing

# Seconds until a model that could not be fetched is asked for again.
_AGAIN = 30.0
_log = logging.getLogger(__name__)


class Reranker:
    """Scores passages for everybody; calls that wait are gathered into batches.

    A model that cannot be fetched is no reason for the mesh not to come up: the replica
    says so in its state and tries again. Wrong settings are: `InvalidInputError` ends it.
    `trace` continues the caller's trace.
    """

    def __init__(self, settings: AppArgs) -> None:
        configure_replica_logging(settings.log)
        self._tracing = make_tracing(settings.tracing, "reranker")
        self._settings = settings
        self._batching: BatchingReranker | None = None
        self._failure = ""
        if not self._load():
            threading.Thread(target=self._load_later, daemon=True).start()

    async def score(self, query: str, passages: Sequence[str], trace: Carrier) -> Scores:
        """Return the scores of `passages`, float32 of shape (len(passages),), each 0 to 1."""
        if self._batching is None:
            raise StageError(f"the reranker is not loaded: {self._failure}")
        with self._tracing.continued(trace, "rerank") as span:
            span.set_attribute("pmoves.texts", len(passages))
            return await self._batching.score(query, passages)

    async def state(self) -> RerankerState:
        """Return what is loaded, or why nothing is."""
        if self._batching is not None:
            return await self._batching.state()
        settings = self._settings.rerank
        return RerankerState(
            provider=settings.provider, model=settings.model, errors=[self._failure]
        )

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Return what Serve scales this deployment by; see `serve_apps.scaling`."""
        return {BACKLOG: self._batching.backlog_s if self._batching else 0.0}

    def _load(self) -> bool:
        settings = self._settings
        try:
            model = load_reranker(settings.rerank, settings.cache_dir, settings.s3)
        except StageError as error:
            self._failure = str(error)
            _log.warning("%s; it is tried again every %g s", error, _AGAIN)
            return False
        self._batching = BatchingReranker(model, settings.rerank.batch_tokens)
        return True

    def _load_later(self) -> None:
        pause = threading.Event()
        while not pause.wait(_AGAIN):
            if self._load():
                return
