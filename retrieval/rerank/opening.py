"""The reranking stage of a program that has everything in one process."""

from retrieval.rerank.base import AsyncReranker
from retrieval.rerank.batching import BatchingReranker
from retrieval.rerank.loading import load_reranker
from retrieval.rerank.remote import HttpReranker
from retrieval.rerank.stage import RerankStage
from retrieval.settings import LibrarySettings


class InProcessReranking:
    """The stage that `settings` ask for, None where reranking is off; loads a local model.

    Raises `InvalidInputError` or `StageError` where there is none to be had.
    """

    def __init__(self, settings: LibrarySettings) -> None:
        rerank = settings.rerank
        self._batching: BatchingReranker | None = None
        self._http: HttpReranker | None = None
        self.stage: RerankStage | None = None
        if not rerank.enabled:
            return
        reranker: AsyncReranker
        if rerank.remote:
            reranker = self._http = HttpReranker(rerank)
        else:
            model = load_reranker(rerank, settings.cache_dir, settings.s3)
            reranker = self._batching = BatchingReranker(model, rerank.batch_tokens)
        self.stage = RerankStage(reranker, rerank, f"{rerank.provider}:{rerank.model}")

    async def close(self) -> None:
        """End the thread of the model, or the connections."""
        if self._batching is not None:
            self._batching.close(wait=True)
        if self._http is not None:
            await self._http.close()
