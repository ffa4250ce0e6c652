"""Asking both sides at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np

from retrieval.chunk import Vectors
from retrieval.corpus.filters import RowTest, filters_predicate
from retrieval.dense.index import DenseIndex, InProcessIndex, Near, Nearest, Told, VectorsOf, Wanted
from retrieval.dense.segment import Addresses
from retrieval.dense.snapshot import Snapshot
from retrieval.depths import Depths
from retrieval.embedding.base import AsyncEmbedder
from retrieval.errors import EmbeddingIdentityError, StageError
from retrieval.graph.follower import GraphFollower
from retrieval.graph.mentioned import Mentioned, Mentions
from retrieval.graph.snapshot import Asked
from retrieval.identity import EmbeddingIdentity
from retrieval.lexical.base import Found, Question, TextEngine
from retrieval.lexical.correcting import SpellingStage
from retrieval.lexical.fulltext import Within, search_text
from retrieval.lexical.spelling import corrected
from retrieval.matching import FilterCache
from retrieval.query import NOT_CONFIGURED, TOO_LATE, Degraded, SearchRequest
from retrieval.settings import SearchSettings
from retrieval.stopwatch import Stopwatch

T = TypeVar("T")
# Long enough for both models and what to do.
_LONGEST = 800
Answer = Found | Near | Mentioned | None
Tell = Callable[[Addresses, Addresses], Awaitable[Told]]
_NONE: Addresses = np.empty(0, np.int64)


@dataclass(slots=True)
class Candidates:
    """What the sides found: raw scores by row address, None where a side gave nothing.

    `dense` also scores those passages that only the lexical side found, or that joined
    since they mention an entity of the query; the retriever's own finds are the keys of
    `dense_ranked`. `untold` are those that only the lexical side found, of which the vectors
    lie where nobody answers. `mentions` tells of all candidates, and `joining` are all rows
    that could join, ascending. `vectors` gives the candidates' vectors, which else the
    snapshot has. `corrections` has the words that the lexical side read as others.
    """

    dense: dict[int, float] | None = None
    lexical: dict[int, float] | None = None
    dense_ranked: frozenset[int] = frozenset()
    degraded: list[Degraded] = field(default_factory=list)
    mentions: Mentions = field(default_factory=Mentions)
    joining: Addresses = field(default_factory=lambda: np.empty(0, np.int64))
    vectors: VectorsOf | None = None
    untold: frozenset[int] = frozenset()
    corrections: dict[str, str] = field(default_factory=dict)


class Retrievers:
    """Runs the dense and the lexical search of one request side by side, and looks up entities.

    `identity` is the model behind `embedder`. `engine` answers the lexical search, where
    it can; else the corpus does, which always has its own text index. Without `index`, the
    vectors of the snapshot answer the dense one.
    """

    def __init__(
        self,
        embedder: AsyncEmbedder,
        identity: EmbeddingIdentity,
        threads: Executor,
        settings: SearchSettings,
        graph: GraphFollower,
        engine: TextEngine | None = None,
        index: DenseIndex | None = None,
    ) -> None:
        self._engine = engine
        self._embedder = embedder
        self._graph = graph
        self._identity = identity
        self._threads = threads
        self._settings = settings
        self._filters = FilterCache()
        self._spelling = SpellingStage(settings, threads)
        self._index = index or InProcessIndex(threads, self._filters)

    async def retrieve(
        self, request: SearchRequest, snapshot: Snapshot, watch: Stopwatch, least: int = 0
    ) -> Candidates:
        """Return the candidates of the sides that `request.mode` asks for.

        Each side fetches `least` at least; more by the settings, and for many hits.
        Raises `StageError` when none of these answered, `EmbeddingIdentityError` when
        that is because the corpus was re-embedded with another model.
        """
        depths = Depths.of(self._settings, request.k, least)
        related = self._settings.neighbor_boost > 0
        search = _Search(request, snapshot, watch, depths, self._filters, related)
        search.smooths = self._settings.neighbor_share > 0
        sides: dict[str, Awaitable[Answer]] = {}
        if request.mode != "lexical":
            sides["dense"] = self._dense(search)
        if request.mode != "dense":
            sides["lexical"] = self._lexical(search)
        if self._uses_graph(request):
            sides["graph"] = self._mentioned(search)
        answers = await asyncio.gather(*sides.values(), return_exceptions=True)
        limit = watch.seconds_left(self._settings.dense_timeout_ms)
        found = dict(zip(sides, answers, strict=True))
        candidates = await search.candidates(found, self._index, limit)
        if "graph" not in sides and _asks_for_graph(request):
            candidates.degraded.append(Degraded(stage="graph", reason=NOT_CONFIGURED))
        return candidates

    def _uses_graph(self, request: SearchRequest) -> bool:
        """Say whether entities count; a single side is shown as it is, unless asked otherwise."""
        boost = self._settings.graph_boost if request.graph_boost is None else request.graph_boost
        if not boost or (request.mode != "hybrid" and not _asks_for_graph(request)):
            return False
        known = self._graph.current
        return known is None or known.covers(request.scope)

    async def _dense(self, search: "_Search") -> Near:
        settings, watch = self._settings, search.watch
        search.require_model(self._identity)
        with watch.stage("embed"):
            limit = watch.require_time(settings.embed_timeout_ms)
            embedding = self._embedder.embed_queries([search.request.query])
            search.vector = (await asyncio.wait_for(embedding, limit))[0]
        with watch.stage("dense"):
            limit = watch.require_time(settings.dense_timeout_ms)
            near = await self._index.nearest(search.snapshot, search.nearest, limit)
        if near.note:
            search.notes.append(Degraded(stage="dense", reason=near.note[:_LONGEST]))
        return near

    async def _lexical(self, search: "_Search") -> Found:
        limit, watch = self._settings.lexical_timeout_ms, search.watch
        # Meanwhile the query is embedded, as it is written: models know what most words mean.
        search.corrections = await self._spelling.corrections(
            search.request, search.snapshot, watch
        )
        with watch.stage("lexical"):
            found = await self._from_engine(search) if self._engine else None
            if found is not None and len(found[0]):
                return found
            own = await self._in_thread(search.lexical, limit, watch)
            if self._engine and found is not None and len(own[0]):
                self._engine.doubt()
            return own

    async def _from_engine(self, search: "_Search") -> Found | None:
        """Ask the engine; None, and a note for the answer, where it cannot answer in time."""
        assert self._engine is not None
        # The corpus needs time as well where the engine takes too long.
        limit = search.watch.require_time(self._settings.lexical_timeout_ms) / 2
        try:
            return await self._engine.search(search.question, search.snapshot, limit)
        except StageError as error:
            reason = f"{error}; the corpus's own text index answered"[:_LONGEST]
            search.notes.append(Degraded(stage="lexical", reason=reason))
            return None

    async def _mentioned(self, search: "_Search") -> Mentioned | None:
        with search.watch.stage("graph"):
            limit = self._settings.graph_timeout_ms
            return await self._in_thread(
                partial(search.mentioned, self._graph), limit, search.watch
            )

    async def _in_thread(self, work: Callable[[], T], limit_ms: int, watch: Stopwatch) -> T:
        limit = watch.require_time(limit_ms)
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        return await asyncio.wait_for(future, limit)


class _Search:
    """The blocking parts of one request's retrieval."""

    def __init__(
        self,
        request: SearchRequest,
        snapshot: Snapshot,
        watch: Stopwatch,
        depths: Depths,
        cache: FilterCache,
        related: bool,
    ) -> None:
        self.request = request
        self.watch = watch
        self.vector: Vectors | None = None
        self.notes: list[Degraded] = []
        self.corrections: dict[str, str] = {}
        self.smooths = False
        self._joining = _NONE
        self.snapshot = snapshot
        self._depths = depths
        self._cache = cache
        self._neighbors = related
        self._predicate = filters_predicate(request.filters)
        self._test = RowTest.of(request.scope, request.filters) if request.filters else None

    @property
    def question(self) -> Question:
        """What the lexical side is asked."""
        request = self.request
        return Question(
            corrected(request.query, self.corrections),
            request.scope,
            self._depths.lexical,
            request.filters,
            self._predicate,
            request.min_index_version or 0,
        )

    def require_model(self, identity: EmbeddingIdentity) -> None:
        self.snapshot.identity.require(identity, "the corpus")

    @property
    def nearest(self) -> Nearest:
        """What the dense side is asked, once the query has a vector."""
        assert self.vector is not None
        return Nearest(self.vector, self.request.scope, self._depths.dense, self._test)

    def lexical(self) -> Found:
        snapshot, asked, allowed = self.snapshot, self.question, self._allowed()
        within = Within(partial(snapshot.holds, asked.scope), snapshot.count(asked.scope))
        return search_text(snapshot.dataset, asked.query, asked.scope, asked.k, allowed, within)

    def mentioned(self, graph: GraphFollower) -> Mentioned | None:
        request, snapshot = self.request, self.snapshot
        scope, total = request.scope, snapshot.count(request.scope)
        asked = Asked(
            request.query, scope, snapshot.fragments, total, request.entity_types, self._neighbors
        )
        found = graph.snapshot.find(asked)
        if found is None:
            return None
        rows = found.recalled()
        rows = rows[snapshot.holds(scope, rows)]
        allowed = self._allowed()
        self._joining = rows if allowed is None else rows[np.isin(rows, allowed)]
        return found

    async def candidates(
        self, answers: dict[str, Answer | BaseException], index: DenseIndex, limit_s: float
    ) -> Candidates:
        graph = answers.pop("graph", None)
        failed = [_failure(side, answer) for side, answer in answers.items() if _lost(answer)]
        if len(failed) == len(answers):
            for answer in answers.values():
                if isinstance(answer, EmbeddingIdentityError):
                    raise answer
            reasons = "; ".join(f"{part.stage}: {part.reason}" for part in failed)
            raise StageError(f"no side could answer ({reasons}); try again in a moment")
        if _lost(graph):
            failed.append(_failure("graph", graph))
        near, words = answers.get("dense"), answers.get("lexical")
        mentioned = graph if isinstance(graph, Mentioned) else None
        lexical = _scores(*words) if isinstance(words, tuple) else None
        found = Candidates(None, lexical, degraded=failed + self.notes)
        found.corrections = {} if lexical is None else self.corrections
        if isinstance(near, Near):
            tell = partial(self._tell, index, near.lost, limit_s)
            await self._look_up(found, near, mentioned, tell)
        if mentioned is not None:
            found.mentions = mentioned.among((found.dense or {}).keys() | (lexical or {}).keys())
            found.joining = self._joining
        return found

    async def _tell(
        self,
        index: DenseIndex,
        lost: frozenset[int],
        limit_s: float,
        scored: Addresses,
        shown: Addresses,
    ) -> Told:
        assert self.vector is not None
        wanted = Wanted(self.vector, self.request.scope, scored, shown, lost)
        return await index.tell(self.snapshot, wanted, limit_s)

    async def _look_up(
        self, found: Candidates, near: Near, graph: Mentioned | None, tell: Tell
    ) -> None:
        """Add to the candidates all that the dense index can say of them."""
        dense, lexical = _scores(near.addresses, near.scores), found.lexical or {}
        missing, known = _rows(lexical.keys() - dense.keys()), _rows(lexical.keys() | dense.keys())
        joining = np.setdiff1d(self._joining, known) if graph else _NONE
        smooths = self.smooths and found.lexical is not None
        told = await tell(np.concatenate([missing, joining]), known if smooths else _NONE)
        found.dense_ranked, found.vectors = frozenset(dense), told.vectors
        if told.note and not near.note:
            found.degraded.append(Degraded(stage="dense", reason=told.note[:_LONGEST]))
        dense |= {row: told.products[row] for row in missing.tolist() if row in told.products}
        if near.note or told.note:
            found.untold = frozenset(lexical.keys() - dense.keys())
        if graph and len(joining):
            joined = self._joined(graph, joining, told.products)
            dense |= joined
            if smooths and told.vectors is not None:
                more = await tell(_NONE, _rows(joined))
                found.vectors = _either(told.vectors, more.vectors)
        found.dense = dense

    def _joined(
        self, graph: Mentioned, rows: Addresses, products: dict[int, float]
    ) -> dict[int, float]:
        """Return the best of the rows that mention the entities of the query, by their scores."""
        rows = _rows(products.keys() & set(rows.tolist()))
        values = np.array([products[row] for row in rows.tolist()], np.float32)
        order = (-values, -graph.related_weights(rows), -graph.weights(rows))
        best = np.lexsort(order)[: self._depths.joining]
        return _scores(rows[best], values[best])

    def _allowed(self) -> Addresses | None:
        if self._test is None:
            return None
        return self._cache.rows(self.snapshot.dataset, self._test)


def _asks_for_graph(request: SearchRequest) -> bool:
    return bool(request.graph_boost or request.entity_types)


def _lost(answer: Answer | BaseException) -> bool:
    if isinstance(answer, BaseException) and not isinstance(answer, Exception):
        raise answer
    return isinstance(answer, Exception)


def _scores(addresses: Addresses, scores: Vectors) -> dict[int, float]:
    return dict(zip(addresses.tolist(), scores.tolist(), strict=True))


def _rows(addresses: Iterable[int]) -> Addresses:
    return np.array(sorted(addresses), np.int64)


def _either(these: VectorsOf, those: VectorsOf | None) -> VectorsOf:
    # What one of them does not know is zero there.
    return these if those is None else lambda rows: these(rows) + those(rows)


def _failure(side: str, answer: Answer | BaseException) -> Degraded:
    if isinstance(answer, TimeoutError):
        return Degraded(stage=side, reason=TOO_LATE)
    return Degraded(stage=side, reason=f"failed: {type(answer).__name__}: {answer}"[:_LONGEST])
