"""What grows with the corpus: searches, commits, catching up, starting, memory.

Each size has a corpus of its own, and all are measured in turn in the same rounds,
so that the ratio of the largest to the smallest holds on a busy machine too. There
is no model: only what depends on the size is measured.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from eval.bench.growth_material import IDENTITY, NAMESPACES, Material
from eval.bench.growth_report import GrowthBenchReport, GrowthRatio, SizeMeasured, memory_ratio
from eval.bench.growth_start import start
from eval.bench.machine import this_machine
from eval.bench.search import in_process
from eval.errors import EvaluationError
from eval.progress import LineProgress, Progress
from retrieval.chunk import Chunk
from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower
from retrieval.dense.snapshots_on_disk import SnapshotFolder
from retrieval.pipeline import Searcher
from retrieval.query import SearchRequest, SearchResponse
from retrieval.settings import SearchSettings

_FILL = 10_000
_OPTIMIZE_EVERY = 10
_WARM_UP = 20
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class GrowthPlan:
    """What to measure.

    `searches` and `commits`, of `commit_chunks` chunks each, are per round and size.
    """

    sizes: Sequence[int]
    rounds: int = 3
    searches: int = 200
    clients: int = 4
    commits: int = 10
    commit_chunks: int = 100
    k: int = 10


@dataclass(slots=True)
class _Found:
    """What the rounds of one size gave."""

    p50_ms: list[float] = field(default_factory=list)
    p95_ms: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    commit_ms: list[float] = field(default_factory=list)
    catch_up: list[float] = field(default_factory=list)
    visible_s: list[float] = field(default_factory=list)


def bench_growth(
    plan: GrowthPlan, folder: Path | None = None, progress: Progress | None = None
) -> GrowthBenchReport:
    """Measure; the corpora lie below `folder`, or in a temporary one, and are removed."""
    if len(set(plan.sizes)) < 2:
        raise EvaluationError("growth needs at least two sizes to compare; give --size twice")
    progress = progress or LineProgress()
    with ExitStack() as stack:
        place = tempfile.TemporaryDirectory(prefix="pmoves-growth-", dir=folder)
        home = Path(stack.enter_context(place))
        runner = stack.enter_context(asyncio.Runner())
        sides = [_Side(home / str(size), size, plan) for size in sorted(set(plan.sizes))]
        for side in sides:
            stack.callback(side.close)
            side.fill(progress)
        for number in range(plan.rounds):
            for side in sides if number % 2 == 0 else reversed(sides):
                side.measure(runner, number)
            progress("round", number + 1, plan.rounds)
        return _report(plan, sides)


class _Side:
    """One size: a corpus and what searches it."""

    def __init__(self, home: Path, size: int, plan: GrowthPlan) -> None:
        self.size, self.found = size, _Found()
        self.uri, self.cache = str(home / "corpus"), home / "cache"
        self._plan, self._material = plan, Material()
        self._corpus = Corpus.open(self.uri, IDENTITY)
        folder = SnapshotFolder(self.cache)
        self._follower = DenseFollower(self._corpus, folder=folder)
        patient = SearchSettings(
            timeout_ms=_MINUTE_MS, dense_timeout_ms=_MINUTE_MS, lexical_timeout_ms=_MINUTE_MS
        )
        self._searcher = Searcher(self._corpus, self._material, patient, self._follower)

    def fill(self, progress: Progress) -> None:
        """Store the chunks, as an ingest does: with the index following and upkeep between."""
        done = 0
        for number, batch in enumerate(self._material.batches(self.size, _FILL, seed=0)):
            self._corpus.commit(batch.chunks, batch.vectors)
            if number % _OPTIMIZE_EVERY == _OPTIMIZE_EVERY - 1:
                self._corpus.optimize()
            self._follower.refresh()
            done += len(batch.chunks)
            progress(f"store {self.size}", done, self.size)
        self._corpus.optimize()
        self._follower.refresh()
        self._follower.settle()

    def measure(self, runner: asyncio.Runner, number: int) -> None:
        """Search and commit once more."""
        system, requests = _Direct(self._searcher), self._requests(number)
        runner.run(in_process(system, requests[:_WARM_UP], 1))
        single = runner.run(in_process(system, requests[_WARM_UP:], 1))
        p50, p95 = np.percentile(single.latencies, [50, 95]) * 1e3
        others = self._requests(number + self._plan.rounds)
        together = runner.run(in_process(system, others, self._plan.clients))
        self.found.p50_ms.append(float(p50))
        self.found.p95_ms.append(float(p95))
        self.found.rates.append(len(together.latencies) / together.seconds)
        self._commit(number)

    def close(self) -> None:
        """End the threads."""
        self._searcher.close()

    def _commit(self, number: int) -> None:
        plan = self._plan
        seconds, caught_up, documents = 0.0, 0.0, 0
        total = plan.commits * plan.commit_chunks
        for batch in self._material.batches(total, plan.commit_chunks, seed=number + 1):
            begun = time.perf_counter()
            keys = {(chunk.namespace, chunk.doc_id) for chunk in batch.chunks}
            self._corpus.commit(batch.chunks, batch.vectors, replace=keys)
            written = time.perf_counter()
            self._follower.refresh()
            seen = time.perf_counter()
            self.found.visible_s.append(seen - begun)
            seconds, caught_up = seconds + written - begun, caught_up + seen - written
            documents += batch.documents
        self.found.commit_ms.append(seconds / documents * 1e3)
        self.found.catch_up.append(total / caught_up)
        self._follower.settle()

    def _requests(self, number: int) -> list[SearchRequest]:
        count = _WARM_UP + self._plan.searches
        names = np.random.default_rng(number).choice(
            list(NAMESPACES), count, p=list(NAMESPACES.values())
        )
        questions = self._material.questions(count, seed=number)
        return [
            SearchRequest(query=text, namespace=str(name), k=self._plan.k)
            for text, name in zip(questions, names, strict=True)
        ]


class _Direct:
    """The pipeline itself, as a system to be measured."""

    name = "in process"

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher

    async def index(self, chunks: Sequence[Chunk]) -> int:
        """Raise: chunks come with their vectors here."""
        raise EvaluationError("the growth benchmark stores vectors of its own")

    async def search(self, request: SearchRequest) -> SearchResponse:
        """Answer one search; a side that is missing makes the figure worthless."""
        response = await self._searcher.search(request)
        if response.degraded:
            raise EvaluationError(f"a search was degraded: {response.degraded}")
        return response

    async def close(self) -> None:
        """Leave the searcher to its owner."""


def _report(plan: GrowthPlan, sides: Sequence[_Side]) -> GrowthBenchReport:
    return GrowthBenchReport(
        machine=this_machine("pylance", "faiss-cpu"),
        k=plan.k,
        rounds=plan.rounds,
        searches_per_round=plan.searches,
        clients=plan.clients,
        sizes=[_measured(side) for side in sides],
        ratios=list(_ratios(sides[0].found, sides[-1].found)),
    )


def _measured(side: _Side) -> SizeMeasured:
    found = side.found
    # The searches' own index would only hold memory that the others want to show.
    side.close()
    cold, warm = start(side.uri, None), start(side.uri, side.cache)
    return SizeMeasured(
        chunks=side.size,
        p50_ms=median(found.p50_ms),
        p95_ms=median(found.p95_ms),
        searches_per_s=median(found.rates),
        commit_ms_per_document=median(found.commit_ms),
        catch_up_chunks_per_s=median(found.catch_up),
        visible_s=float(np.percentile(found.visible_s, 99)),
        bytes_per_vector=cold.bytes / cold.vectors,
        memory_ratio=memory_ratio(cold.bytes, cold.vectors),
        peak_ratio=memory_ratio(cold.peak_bytes, cold.vectors),
        cold_start_s=cold.settled_s,
        warm_start_s=warm.ready_s,
    )


def _ratios(small: _Found, large: _Found) -> Iterator[GrowthRatio]:
    for what, below, above in (
        ("p95 of a search", small.p95_ms, large.p95_ms),
        ("searches/s", small.rates, large.rates),
        ("commit of a document", small.commit_ms, large.commit_ms),
        ("catch-up chunks/s", small.catch_up, large.catch_up),
    ):
        shares = [high / low for low, high in zip(below, above, strict=True)]
        yield GrowthRatio(what=what, median=median(shares), low=min(shares), high=max(shares))
