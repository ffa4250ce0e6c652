"""The way of a query: embed → [dense ‖ lexical ‖ graph] → fuse → smooth → hydrate → answer.

Plain asynchronous Python; index work runs in threads. A side that fails or is
late leaves the answer to the other one, and the answer says so in `degraded`.
"""

import asyncio
import contextvars
import logging
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext

import faiss

from retrieval.chunk import JsonValue
from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower, Snapshot
from retrieval.embedding.base import AsyncEmbedder
from retrieval.errors import StageError
from retrieval.freshness import Freshness
from retrieval.graph.follower import GraphFollower
from retrieval.identity import EmbeddingIdentity
from retrieval.lexical.base import TextEngine
from retrieval.query import NOT_CONFIGURED, Degraded, Hit, SearchRequest, SearchResponse
from retrieval.ranking import rank
from retrieval.retrievers import Candidates, Retrievers
from retrieval.settings import SearchSettings
from retrieval.stopwatch import StageSpans, Stopwatch

_LOG = logging.getLogger(__name__)
# Seconds for what is left to do once the sides have answered, even if they were late.
_LEAST_TO_FINISH = 1.0
# Seconds for which a new version waits for the entities in it.
_MOMENT = 1.0


class Searcher:
    """Answers searches over one corpus; use it from one event loop.

    `spans` is opened around each stage of each search. `engine` answers the lexical
    searches where it can, and is closed with this.
    """

    def __init__(
        self,
        corpus: Corpus,
        embedder: AsyncEmbedder,
        settings: SearchSettings | None = None,
        follower: DenseFollower | None = None,
        spans: StageSpans = nullcontext,
        engine: TextEngine | None = None,
    ) -> None:
        self._spans = spans
        self.engine = engine
        self.corpus = corpus
        self.embedder = embedder
        self.settings = settings or SearchSettings()
        # OpenMP counts its threads for each of ours; more would wait for one another.
        self._threads = ThreadPoolExecutor(
            self.settings.threads, "search", faiss.omp_set_num_threads, (1,)
        )
        self._follower = follower or DenseFollower(corpus)
        self._graph = GraphFollower(corpus, found_names=self.settings.found_names)
        # A changed dictionary takes long: in the threads of searches it would be in their way.
        self._graph_thread = ThreadPoolExecutor(1, "graph")
        self._graph_task: Future[object] | None = None
        self._freshness = Freshness(self._follower, self._threads, self._follow_entities)
        self._retrievers = Retrievers(
            embedder, corpus.identity, self._threads, self.settings, self._graph, engine
        )

    async def search(self, request: SearchRequest, request_id: str | None = None) -> SearchResponse:
        """Answer `request`.

        Raises `FilterError` for a bad filter, `StaleIndexError` when
        `min_index_version` is not visible in time, `StageError` when no side could
        answer or the passages cannot be read, and `EmbeddingIdentityError` when only
        the dense side is asked for and the corpus has got another model.
        """
        watch = Stopwatch(request.timeout_ms or self.settings.timeout_ms, self._spans)
        snapshot = await self._freshness.snapshot(request.min_index_version, watch.deadline)
        candidates = await self._retrievers.retrieve(request, snapshot, watch)
        hits = await self._hits(request, candidates, snapshot, watch)
        return SearchResponse(
            query=request.query,
            k=len(hits),
            hits=hits,
            results=hits,
            degraded=[*_not_configured(request), *candidates.degraded],
            index_version=snapshot.version,
            timings_ms=watch.timings_ms(),
            request_id=request_id,
        )

    async def candidates(self, request: SearchRequest) -> tuple[Candidates, Snapshot]:
        """Return what both sides find for `request`, before fusion, and the version searched.

        For whoever tries many ways of fusing. Raises as `search` does.
        """
        watch = Stopwatch(request.timeout_ms or self.settings.timeout_ms, self._spans)
        snapshot = await self._freshness.snapshot(request.min_index_version, watch.deadline)
        return await self._retrievers.retrieve(request, snapshot, watch), snapshot

    async def refresh(self) -> int:
        """Apply the newest version of the corpus; return its number."""
        return (await self._freshness.refresh()).version

    @property
    def version(self) -> int:
        """The applied index version, 0 before the first load."""
        return self._follower.version

    def delays(self) -> list[float]:
        """Return, and forget, the seconds from commit to search of the versions since applied."""
        return self._follower.delays()

    def lag_seconds(self, newest: int | None) -> float:
        """Return how long ago searches last saw the newest version; None: it is not known."""
        return self._follower.lag_seconds(newest)

    def stats(self) -> dict[str, JsonValue]:
        """Return the applied and the newest version and the vectors per namespace."""
        snapshot = self._follower.snapshot
        vectors: dict[str, JsonValue] = dict(snapshot.counts())
        return {
            "index_version": snapshot.version,
            "corpus_version": self.corpus.version,
            "vectors": vectors,
            "segments": sum(map(len, snapshot.namespaces.values())),
        }

    @property
    def identity(self) -> EmbeddingIdentity:
        """The model behind the vectors that are searched; the first call loads them."""
        return self._follower.snapshot.identity

    def close(self, *, wait: bool = False) -> None:
        """End the threads; searches under way may fail.

        With `wait`, return when the threads have ended.
        """
        self._follower.close(wait=wait)
        if self.engine:
            self.engine.close()
        self._threads.shutdown(wait=wait)
        self._graph_thread.shutdown(wait=wait)

    def has_entities(self, namespaces: Iterable[str]) -> bool:
        """Say whether searches in any of `namespaces` know entities."""
        graph = self._graph.current
        return graph is not None and graph.covers(namespaces)

    def _follow_entities(self) -> None:
        """Take up new entities and mentions; those that take long come with a later version."""
        try:
            if self._graph_task is None or self._graph_task.done():
                self._graph_task = self._graph_thread.submit(self._graph.refresh)
            self._graph_task.result(_MOMENT)
        except TimeoutError:
            return
        except Exception as error:
            # Searches go on with the entities of before; without any they say what is wrong.
            _LOG.warning("cannot follow the entities: %s", error)

    async def _hits(
        self, request: SearchRequest, candidates: Candidates, snapshot: Snapshot, watch: Stopwatch
    ) -> list[Hit]:
        work = asyncio.get_running_loop().run_in_executor(
            self._threads,
            contextvars.copy_context().run,
            self._finish,
            request,
            candidates,
            snapshot,
            watch,
        )
        left = max(_LEAST_TO_FINISH, watch.deadline - time.monotonic())
        try:
            return await asyncio.wait_for(work, left)
        except TimeoutError as error:
            raise StageError("hydrate: took longer than its time limit") from error
        except OSError as error:
            reason = f"the passages cannot be read ({error})"
            raise StageError(f"hydrate: {reason}; try again in a moment") from error

    def _finish(
        self, request: SearchRequest, candidates: Candidates, snapshot: Snapshot, watch: Stopwatch
    ) -> list[Hit]:
        with watch.stage("fuse"):
            alpha = self.settings.alpha if request.alpha is None else request.alpha
            ranking = rank(candidates, request.fusion or self.settings.fusion, alpha)
            boost = request.graph_boost
            boost = self.settings.graph_boost if boost is None else boost
            ranking = ranking.boosted(boost, self.settings.neighbor_boost)
        with watch.stage("smooth"):
            share = self.settings.neighbor_share
            ranking = ranking.smoothed(snapshot, request.scope, request.k, share)
        with watch.stage("hydrate"):
            return ranking.hits(snapshot.dataset, request.k, request.explain)


def _not_configured(request: SearchRequest) -> list[Degraded]:
    return [Degraded(stage="rerank", reason=NOT_CONFIGURED)] if request.use_rerank else []
