"""The same pipeline in this process, without any server."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from eval.provenance import SystemDescription, code_version, deciding_settings
from retrieval.chunk import Chunk
from retrieval.corpus.store import Corpus
from retrieval.dense.opening import open_follower
from retrieval.embedding.base import Embedder
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.errors import EngineError
from retrieval.extraction.chunks import ChunkRelations
from retrieval.ids import content_hash
from retrieval.indexing import index_chunks
from retrieval.lexical.opening import open_text_engine
from retrieval.pipeline import Searcher
from retrieval.query import SearchRequest, SearchResponse
from retrieval.rerank.opening import InProcessReranking
from retrieval.settings import EmbeddingSettings, LibrarySettings, SearchSettings

_PAUSE_S = 0.2
_PATIENT_MS = 60_000
_LIMITS = ("timeout_ms", "embed_timeout_ms", "dense_timeout_ms", "lexical_timeout_ms")


class LocalSystem:
    """A corpus, the configured model and the pipeline; constructing it loads the model.

    `uri` is the corpus; without it, one under `<home>/evaluations` is used that
    belongs to the embedding model, so that a second evaluation embeds nothing.
    `embedder` stands in for the configured model.
    """

    def __init__(
        self, settings: LibrarySettings, uri: str | None = None, embedder: Embedder | None = None
    ) -> None:
        embedder = embedder or _model(settings.embedding)
        model = content_hash(embedder.identity.model_dump_json())[:12]
        uri = uri or str(settings.home.absolute() / "evaluations" / f"corpus-{model}")
        if "://" not in uri:
            Path(uri).parent.mkdir(parents=True, exist_ok=True)
        self._corpus = Corpus.open(uri, embedder.identity)
        self._description = SystemDescription(
            settings=deciding_settings(settings),
            model=embedder.identity.model_dump(mode="json"),
            code=code_version(),
        )
        self._embedder = BatchingEmbedder(embedder, settings.embedding.batch_tokens)
        self._relations = ChunkRelations(self._corpus.entities, settings)
        follower = open_follower(self._corpus, settings)
        self._engine = open_text_engine(self._corpus, settings)
        self._reranking = InProcessReranking(settings)
        self._searcher = Searcher(
            self._corpus,
            self._embedder,
            patient(settings.search),
            follower,
            engine=self._engine,
            reranking=self._reranking.stage,
        )

    @property
    def name(self) -> str:
        """How reports call it."""
        return "in process"

    async def describe(self) -> SystemDescription:
        """Return this process's settings, model and code."""
        return self._description

    async def index(self, chunks: Sequence[Chunk]) -> int:
        """Embed and store `chunks`; return the index version."""
        await index_chunks(
            self._corpus, self._embedder, chunks, replace=True, relations=self._relations
        )
        # Rows outside the full-text index would be scanned by every query.
        await asyncio.to_thread(self._corpus.optimize)
        version = self._corpus.version
        while self._engine and not self._engine.progress.shows(version):
            # Else the corpus would be measured in its place.
            if trouble := self._engine.progress.trouble:
                raise EngineError(trouble)
            await asyncio.sleep(_PAUSE_S)
        return version

    async def search(self, request: SearchRequest) -> SearchResponse:
        """Answer one search."""
        return await self._searcher.search(request)

    @property
    def searcher(self) -> Searcher:
        """The pipeline itself, for whoever looks at more than its answers."""
        return self._searcher

    async def close(self) -> None:
        """End the threads."""
        self._searcher.close()
        self._embedder.close()
        await self._reranking.close()


def patient(search: SearchSettings) -> SearchSettings:
    """Return `search` with a minute for each side: on a busy machine none may be left out."""
    limits = {name: max(getattr(search, name), _PATIENT_MS) for name in _LIMITS}
    return search.model_copy(update=limits)


def _model(settings: EmbeddingSettings) -> Embedder:
    # Loads torch: only where it is needed.
    from retrieval.embedding.opening import load_embedder

    return load_embedder(settings)
