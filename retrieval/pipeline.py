"""The way of a query: retrieve → fuse → smooth → rerank → hydrate.

To retrieve is [embed → dense ‖ spell → lexical ‖ graph].

Plain asynchronous Python; index work runs in threads. A side that fails or is
late leaves the answer to the other one, a reranker leaves the order as it was, and
the answer says so in `degraded`.
"""

import asyncio
import contextvars
import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TypeVar

import faiss

from retrieval.chunk import JsonValue
from retrieval.corpus.guarding import StoreGuard
from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower, Snapshot
from retrieval.dense.index import DenseIndex, ShardState
from retrieval.embedding.base import AsyncEmbedder
from retrieval.errors import StageError
from retrieval.freshness import Freshness
from retrieval.graph.follower import GraphFollower
from retrieval.hit_rows import HitRows
from retrieval.identity import EmbeddingIdentity
from retrieval.lexical.base import TextEngine
from retrieval.query import Degraded, Hit, SearchRequest, SearchResponse
from retrieval.ranking import Ranking, rank
from retrieval.rerank.stage import Passage, RerankStage, not_configured
from retrieval.retrievers import Candidates, Retrievers
from retrieval.settings import SearchSettings
from retrieval.stopwatch import StageSpans, Stopwatch

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
# Seconds for what is left to do once the sides have answered, even if they were late.
_LEAST_TO_FINISH = 1.0
# Seconds for which a new version waits for the entities in it.
_MOMENT = 1.0


@dataclass(frozen=True, slots=True)
class _Answer:
    """The hits, and what a reranker had to do with them."""

    hits: list[Hit]
    degraded: list[Degraded] = field(default_factory=list)
    reranked_by: str | None = None


class Searcher:
    """Answers searches over one corpus; use it from one event loop.

    `spans` is opened around each stage of each search. `engine` answers the lexical
    searches where it can, and is closed with this. Without `reranking` no search is
    reranked. `guard` refuses searches at once while the store of the corpus is away.
    `index` holds the vectors where `follower`, a `Directory` then, does not.
    """

    def __init__(
        self,
        corpus: Corpus,
        embedder: AsyncEmbedder,
        settings: SearchSettings | None = None,
        follower: DenseFollower | None = None,
        spans: StageSpans = nullcontext,
        engine: TextEngine | None = None,
        reranking: RerankStage | None = None,
        guard: StoreGuard | None = None,
        index: DenseIndex | None = None,
    ) -> None:
        self._spans = spans
        self._guard = guard
        self.engine = engine
        self.corpus = corpus
        self.embedder = embedder
        self.reranking = reranking
        self.settings = settings or SearchSettings()
        # OpenMP counts its threads for each of ours; more would wait for one another.
        self._threads = ThreadPoolExecutor(
            self.settings.threads, "search", faiss.omp_set_num_threads, (1,)
        )
        self._rows = HitRows()
        self._follower = follower or DenseFollower(corpus)
        self._graph = GraphFollower(corpus, found_names=self.settings.found_names)
        # A changed dictionary takes long: in the threads of searches it would be in their way.
        self._graph_thread = ThreadPoolExecutor(1, "graph")
        self._graph_task: Future[object] | None = None
        self._index = index
        self._freshness = Freshness(
            self._follower, self._threads, self._follow_entities, index.ready if index else None
        )
        self._retrievers = Retrievers(
            embedder, corpus.identity, self._threads, self.settings, self._graph, engine, index
        )

    async def search(self, request: SearchRequest, request_id: str | None = None) -> SearchResponse:
        """Answer `request`.

        Raises `FilterError` for a bad filter, `StaleIndexError` when
        `min_index_version` is not visible in time, `StageError` when no side could
        answer or the passages cannot be read, and `EmbeddingIdentityError` when only
        the dense side is asked for and the corpus has got another model.
        """
        if self._guard is None:
            return await self._search(request, request_id)
        return await self._guard.call(lambda: self._search(request, request_id))

    async def _search(self, request: SearchRequest, request_id: str | None) -> SearchResponse:
        watch = Stopwatch(request.timeout_ms or self.settings.timeout_ms, self._spans)
        snapshot = await self._freshness.snapshot(request.min_index_version, watch.deadline)
        stage = self.reranking
        if stage is None or not stage.wants(request):
            candidates = await self._retrievers.retrieve(request, snapshot, watch)
            hits = await self._in_thread(watch, self._finish, request, candidates, snapshot, watch)
            answer = _Answer(hits, not_configured(request) if stage is None else [])
        else:
            head = stage.head(request)
            candidates = await self._retrievers.retrieve(request, snapshot, watch, head)
            answer = await self._reranked(stage, request, candidates, snapshot, watch)
        return SearchResponse(
            query=request.query,
            corrections=candidates.corrections,
            k=len(answer.hits),
            hits=answer.hits,
            results=answer.hits,
            used_rerank=answer.reranked_by is not None,
            rerank_provider=answer.reranked_by,
            degraded=[*answer.degraded, *candidates.degraded],
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

    def shards(self) -> list[ShardState]:
        """Return the state of each shard of the dense index; none where it is in one piece."""
        return self._index.shards() if self._index else []

    def stats(self) -> dict[str, JsonValue]:
        """Return the applied and the newest version, the vectors per namespace, the build."""
        snapshot, shards = self._follower.snapshot, self.shards()
        vectors: dict[str, JsonValue] = dict(snapshot.counts())
        stats: dict[str, JsonValue] = {
            "index_version": snapshot.version,
            "corpus_version": self.corpus.version,
            "vectors": vectors,
            "segments": sum(map(len, snapshot.namespaces.values())),
            "build": min([snapshot.build, *(shard.build for shard in shards)]),
        }
        if shards:
            stats["shards"] = [asdict(shard) for shard in shards]
        return stats

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
        if self._guard:
            self._guard.close()
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

    async def _reranked(
        self,
        stage: RerankStage,
        request: SearchRequest,
        candidates: Candidates,
        snapshot: Snapshot,
        watch: Stopwatch,
    ) -> _Answer:
        head = stage.head(request)

        def read() -> tuple[Ranking, list[Passage]]:
            ranking = self._rank(request, candidates, snapshot, watch, max(head, request.k))
            with watch.stage("rerank"):
                return ranking, ranking.passages(snapshot.dataset, head)

        ranking, passages = await self._in_thread(watch, read)
        with watch.stage("rerank"):
            found = await stage.score(request.query, passages, watch)
        rule = request.rerank_fusion or stage.settings.fusion
        ranking = ranking.after_reranking(found.scores, rule)
        count = stage.hits(request) if found.scores else request.k
        hits = await self._in_thread(watch, self._hydrate, request, ranking, snapshot, watch, count)
        by = await stage.provider() if found.scores else None
        return _Answer(hits, list(found.degraded), by)

    async def _in_thread(self, watch: Stopwatch, work: Callable[..., T], *arguments: object) -> T:
        """Run what is left to do once the sides have answered."""
        context = contextvars.copy_context()
        running = asyncio.get_running_loop().run_in_executor(
            self._threads, context.run, work, *arguments
        )
        left = max(_LEAST_TO_FINISH, watch.deadline - time.monotonic())
        try:
            return await asyncio.wait_for(running, left)
        except TimeoutError as error:
            raise StageError("hydrate: took longer than its time limit") from error
        except OSError as error:
            reason = f"the passages cannot be read ({error})"
            raise StageError(f"hydrate: {reason}; try again in a moment") from error

    def _finish(
        self, request: SearchRequest, candidates: Candidates, snapshot: Snapshot, watch: Stopwatch
    ) -> list[Hit]:
        ranking = self._rank(request, candidates, snapshot, watch, request.k)
        return self._hydrate(request, ranking, snapshot, watch, request.k)

    def _rank(
        self,
        request: SearchRequest,
        candidates: Candidates,
        snapshot: Snapshot,
        watch: Stopwatch,
        least: int,
    ) -> Ranking:
        """Return the order of at least so many candidates, where there are so many."""
        with watch.stage("fuse"):
            alpha = self.settings.alpha if request.alpha is None else request.alpha
            ranking = rank(candidates, request.fusion or self.settings.fusion, alpha)
            boost = request.graph_boost
            boost = self.settings.graph_boost if boost is None else boost
            ranking = ranking.boosted(boost, self.settings.neighbor_boost)
        with watch.stage("smooth"):
            share = self.settings.neighbor_share
            return ranking.smoothed(snapshot, request.scope, least, share)

    def _hydrate(
        self,
        request: SearchRequest,
        ranking: Ranking,
        snapshot: Snapshot,
        watch: Stopwatch,
        count: int,
    ) -> list[Hit]:
        with watch.stage("hydrate"):
            read = partial(self._rows.read, snapshot, request.scope)
            return ranking.hits(read, count, request.explain)
