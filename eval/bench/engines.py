"""Searches with remote engines beside those of the embedded default, and how fast engines follow.

One corpus on disk, of synthetic passages and vectors, is projected into an Elasticsearch and
a Neo4j. The same questions are put to both pipelines in turn, one search after the other, so
that whatever else the machine does falls on both.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from eval.bench.engines_report import EnginesBenchReport, Followed, KindRatio, Latencies
from eval.bench.growth_material import IDENTITY, NAMESPACES, Batch, Material
from eval.bench.machine import this_machine
from eval.bench.parts import EngineAddresses
from eval.errors import EvaluationError
from eval.progress import LineProgress, Progress
from retrieval.chunk import Document
from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower
from retrieval.entity import Entity
from retrieval.graph.neo4j.client import Neo4jClient
from retrieval.graph.neo4j.opening import graph_projection
from retrieval.lexical.elasticsearch.projection import lexical_projection
from retrieval.lexical.elasticsearch.searching import ElasticsearchText
from retrieval.pipeline import Searcher
from retrieval.projection.following import Following
from retrieval.projection.projection import Projection
from retrieval.query import SearchRequest
from retrieval.settings import SearchSettings

EMBEDDED, ENGINES = "embedded", "engines"
KINDS = ("hybrid", "lexical")
_FILL = 10_000
_TOPICS = 400
_WARM_UP = 20
_MINUTE_MS = 60_000
_START_S = 120
_PATIENT = SearchSettings(
    timeout_ms=_MINUTE_MS, dense_timeout_ms=_MINUTE_MS, lexical_timeout_ms=_MINUTE_MS
)


@dataclass(frozen=True, slots=True)
class EnginesPlan:
    """What to measure: `searches` of each kind are per round and side.

    `changes` passages are committed `commit_chunks` at a time for the engines to catch up with.
    """

    chunks: int = 20_000
    rounds: int = 3
    searches: int = 100
    changes: int = 5_000
    commit_chunks: int = 100
    k: int = 10


def bench_engines(
    plan: EnginesPlan, engines: EngineAddresses, progress: Progress | None = None
) -> EnginesBenchReport:
    """Measure both sides over a corpus of its own, in a folder that goes afterwards.

    Raises `EvaluationError` where an engine does not hold what the corpus holds in the end, or
    leaves a search to the corpus.
    """
    with tempfile.TemporaryDirectory(prefix="pmoves-bench-") as home:
        bench = _EnginesBench(plan, engines, Path(home), progress or LineProgress())
        return bench.run()


class _EnginesBench:
    """One run."""

    def __init__(
        self, plan: EnginesPlan, engines: EngineAddresses, home: Path, progress: Progress
    ) -> None:
        self._plan, self._engines, self._progress = plan, engines, progress
        self._material = Material()
        self._corpus = Corpus.open(str(home / "corpus"), IDENTITY)

    def run(self) -> EnginesBenchReport:
        """Fill, project, change, catch up, search."""
        self._fill()
        with self._projections() as projections:
            built = [
                self._timed(part, f"build {part.name}", self._plan.chunks, part.rebuild)
                for part in projections
            ]
            self._change()
            followed = [
                self._timed(part, f"catch up {part.name}", self._plan.changes, part.follow)
                for part in projections
            ]
            for part in projections:
                _require_equal(part)
        latencies = self._search()
        return EnginesBenchReport(
            machine=this_machine("pylance", "elasticsearch", "neo4j"),
            chunks=self._plan.chunks,
            rounds=self._plan.rounds,
            searches=self._plan.searches,
            built=built,
            followed=followed,
            latencies=latencies,
            ratios=[KindRatio.between(kind, latencies, ENGINES, EMBEDDED) for kind in KINDS],
        )

    def _fill(self) -> None:
        for name in NAMESPACES:
            self._corpus.entities.change(name, partial(_with_topics, name))
        done = 0
        for batch in self._material.batches(self._plan.chunks, _FILL, seed=0):
            self._store(batch)
            done += len(batch.chunks)
            self._progress("store", done, self._plan.chunks)
        self._corpus.optimize()

    def _change(self) -> None:
        for batch in self._material.batches(self._plan.changes, self._plan.commit_chunks, seed=1):
            self._store(batch)

    def _store(self, batch: Batch) -> None:
        rows = [
            Document(namespace, doc_id, f"bench:{doc_id}", "ready")
            for namespace, doc_id in sorted(batch.documents)
        ]
        self._corpus.commit(batch.chunks, batch.vectors, replace=batch.documents, documents=rows)

    @contextmanager
    def _projections(self) -> Iterator[list[Projection]]:
        with (
            lexical_projection(self._corpus, self._engines.elasticsearch) as lexical,
            Neo4jClient(self._engines.neo4j) as client,
        ):
            yield [lexical, graph_projection(self._corpus, client)]

    def _timed(self, part: Projection, what: str, count: int, work: Callable[[], bool]) -> Followed:
        self._progress(what, 0, count)
        started = time.perf_counter()
        if not work():
            raise EvaluationError(f"{part.name} was left to another process")
        seconds = time.perf_counter() - started
        self._progress(what, count, count)
        return Followed(projection=part.name, chunks=count, seconds=seconds)

    def _search(self) -> list[Latencies]:
        with ExitStack() as stack, asyncio.Runner() as runner:
            follower = DenseFollower(self._corpus)
            follower.refresh()
            follower.settle()
            client = stack.enter_context(Neo4jClient(self._engines.neo4j))
            stack.enter_context(Following(self._corpus, graph_projection(self._corpus, client)))
            text = ElasticsearchText(self._corpus, self._engines.elasticsearch)
            sides = {
                EMBEDDED: Searcher(self._corpus, self._material, _PATIENT, follower),
                ENGINES: Searcher(self._corpus, self._material, _PATIENT, follower, engine=text),
            }
            for searcher in sides.values():
                stack.callback(searcher.close, wait=True)
                runner.run(self._whole(searcher))
            found = [
                runner.run(self._round(sides, kind, number))
                for number in range(self._plan.rounds)
                for kind in KINDS
            ]
        return [each for part in found for each in part]

    async def _whole(self, searcher: Searcher) -> None:
        """Wait until a search is answered by all stages: entities are read after the start."""
        (request, *_) = self._requests(KINDS[0], 0)
        async with asyncio.timeout(_START_S):
            while (await searcher.search(request)).degraded:
                await asyncio.sleep(0.05)

    async def _round(self, sides: dict[str, Searcher], kind: str, number: int) -> list[Latencies]:
        times: dict[str, list[float]] = {name: [] for name in sides}
        requests = self._requests(kind, number)
        for at, request in enumerate(requests):
            for name in _in_turn(list(sides), at):
                started = time.perf_counter()
                response = await sides[name].search(request)
                times[name].append(1_000 * (time.perf_counter() - started))
                if response.degraded:
                    raise EvaluationError(f"a search was degraded: {response.degraded}")
            self._progress(f"round {number + 1}, {kind}", at + 1, len(requests))
        return [Latencies.of(name, kind, each[_WARM_UP:]) for name, each in times.items()]

    def _requests(self, kind: str, number: int) -> list[SearchRequest]:
        count, seed = _WARM_UP + self._plan.searches, 10 * number + KINDS.index(kind)
        names = np.random.default_rng(seed).choice(
            list(NAMESPACES), count, p=list(NAMESPACES.values())
        )
        mode = "lexical" if kind == "lexical" else "hybrid"
        return [
            SearchRequest(query=text, namespace=str(name), k=self._plan.k, mode=mode)
            for text, name in zip(self._material.questions(count, seed), names, strict=True)
        ]


def _with_topics(namespace: str, before: list[Entity]) -> list[Entity]:
    """Add an entity for a word of each topic, so that passages mention some."""
    return before + [Entity(namespace, f"e{at}", f"t{at}w0", "TOPIC") for at in range(_TOPICS)]


def _in_turn(names: Sequence[str], number: int) -> list[str]:
    """Return `names`, of which another one comes first each time."""
    at = number % len(names)
    return [*names[at:], *names[:at]]


def _require_equal(projection: Projection) -> None:
    found = projection.compare()
    if not found or not all(part.equal for part in found):
        told = "; ".join(map(str, found)) or "nothing of this corpus"
        raise EvaluationError(f"{projection.name} does not hold what the corpus holds: {told}")
