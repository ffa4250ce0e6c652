"""Searches per second over HTTP, beside the same pipeline called in process.

Both search the same corpus with the same distinct queries, in turn, several
rounds, so that whatever else the machine does falls on both. Absolute figures
are noise; the ratio is what counts.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import fmean, median

import numpy as np

from eval.bench.load import Load, LoadResult, generate
from eval.bench.machine import this_machine
from eval.bench.material import distinct_queries, passages
from eval.bench.noop import noop_server
from eval.bench.search_report import ClientsRatio, GeneratorLimit, Measured, SearchBenchReport
from eval.errors import EvaluationError
from eval.progress import LineProgress, Progress
from eval.systems.base import SearchSystem
from eval.systems.http import HttpSystem
from retrieval.chunk import Chunk
from retrieval.ids import chunk_id
from retrieval.query import SearchRequest, SearchResponse

NAMESPACE = "bench"
HTTP, IN_PROCESS = "HTTP", "in process"
_WARM_UP = 32
_UPSERT = 128
# Not 1: in bfloat16 a vector depends a little on the batch that it was computed in.
_AGREEMENT = 0.9
Cell = tuple[str, int]


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """What to measure; `searches` is per round, system and number of clients."""

    url: str
    api_key: str | None = None
    clients: Sequence[int] = (1, 16)
    rounds: int = 3
    searches: int = 200
    k: int = 10


def bench_search(
    plan: SearchPlan, local: SearchSystem, progress: Progress | None = None
) -> SearchBenchReport:
    """Measure the mesh at `plan.url` and `local`, which searches the mesh's own corpus.

    The passages are stored through the mesh, in a namespace of their own. Raises
    `EvaluationError` where both do not give the same answers.
    """
    bench = _SearchBench(plan, local, progress or LineProgress())
    with asyncio.Runner() as runner:
        size = runner.run(bench.prepare())
        results = bench.rounds(runner)
    return SearchBenchReport(
        machine=this_machine("ray", "ctranslate2", "torch", "pylance", "faiss-cpu"),
        passages=len(passages()),
        k=plan.k,
        rounds=plan.rounds,
        searches_per_round=plan.searches,
        measured=[_measured(cell, found) for cell, found in results.items()],
        ratios=[_ratio(clients, results) for clients in plan.clients],
        generator=[generator_limit(clients, size) for clients in plan.clients],
    )


class _SearchBench:
    def __init__(self, plan: SearchPlan, local: SearchSystem, progress: Progress) -> None:
        self._plan = plan
        self._local = local
        self._progress = progress
        needed = _WARM_UP + plan.rounds * len(plan.clients) * plan.searches
        self._queries = iter(distinct_queries(needed))
        self._version = 0

    async def prepare(self) -> int:
        """Store the passages, warm both up, compare them; return the bytes of an answer."""
        remote = HttpSystem(self._plan.url, self._plan.api_key)
        try:
            await self._store(remote)
            pairs = [
                (await remote.search(request), await self._local.search(request))
                for request in self._requests(_WARM_UP, self._version)
            ]
        finally:
            await remote.close()
        if fmean(_agreement(theirs, ours) for theirs, ours in pairs) < _AGREEMENT:
            raise EvaluationError(
                f"{self._plan.url} and this process answer the same queries differently; run the "
                "benchmark with the settings and the corpus of that mesh"
            )
        return len(pairs[0][0].model_dump_json())

    def rounds(self, runner: asyncio.Runner) -> dict[Cell, list[LoadResult]]:
        """Measure every cell once a round; who comes first alternates."""
        results: dict[Cell, list[LoadResult]] = {
            (system, clients): [] for clients in self._plan.clients for system in (IN_PROCESS, HTTP)
        }
        for number in range(self._plan.rounds):
            for clients in self._plan.clients:
                requests = self._requests(self._plan.searches)
                order = (HTTP, IN_PROCESS) if number % 2 else (IN_PROCESS, HTTP)
                for system in order:
                    found = self._measure(system, runner, requests, clients)
                    results[system, clients].append(found)
            self._progress("round", number + 1, self._plan.rounds)
        return results

    async def _store(self, remote: SearchSystem) -> None:
        texts = passages()
        chunks = [
            Chunk(NAMESPACE, f"page-{at}", chunk_id(NAMESPACE, f"page-{at}", 0, text), text)
            for at, text in enumerate(texts)
        ]
        for start in range(0, len(chunks), _UPSERT):
            self._version = await remote.index(chunks[start : start + _UPSERT])
            self._progress("store", min(start + _UPSERT, len(chunks)), len(chunks))

    def _requests(self, count: int, version: int | None = None) -> list[SearchRequest]:
        return [
            SearchRequest(
                query=query, namespace=NAMESPACE, k=self._plan.k, min_index_version=version
            )
            for query in islice(self._queries, count)
        ]

    def _measure(
        self, system: str, runner: asyncio.Runner, requests: Sequence[SearchRequest], clients: int
    ) -> LoadResult:
        if system == IN_PROCESS:
            return runner.run(in_process(self._local, requests, clients))
        bodies = [request.model_dump_json(exclude_none=True) for request in requests]
        url = f"{self._plan.url.rstrip('/')}/hirag/query"
        return generate(Load(url=url, clients=clients, bodies=bodies, api_key=self._plan.api_key))


async def in_process(
    system: SearchSystem, requests: Sequence[SearchRequest], clients: int
) -> LoadResult:
    """Search with `clients` concurrent callers, each always with one search under way."""
    latencies: list[float] = []
    waiting = iter(requests)

    async def client() -> None:
        for request in waiting:
            start = time.perf_counter()
            await system.search(request)
            latencies.append(time.perf_counter() - start)

    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())
    seconds = time.perf_counter() - start
    return LoadResult(seconds=seconds, latencies=latencies, statuses={200: len(latencies)})


def _agreement(one: SearchResponse, other: SearchResponse) -> float:
    """Return the share of passages that both answers hold."""
    first, second = ({hit.chunk_id for hit in answer.hits} for answer in (one, other))
    return len(first & second) / max(len(first | second), 1)


def _measured(cell: Cell, results: Sequence[LoadResult]) -> Measured:
    percentiles = [np.percentile(result.latencies, [50, 95]) * 1e3 for result in results]
    return Measured(
        system=cell[0],
        clients=cell[1],
        searches_per_s=median(result.per_s for result in results),
        p50_ms=median(float(p50) for p50, _ in percentiles),
        p95_ms=median(float(p95) for _, p95 in percentiles),
        failures=sum(result.failures for result in results),
    )


def _ratio(clients: int, results: Mapping[Cell, Sequence[LoadResult]]) -> ClientsRatio:
    sides = ([found.per_s for found in results[side, clients]] for side in (HTTP, IN_PROCESS))
    return ClientsRatio.of(*sides, clients=clients)


def generator_limit(clients: int, answer_bytes: int, requests: int = 3_000) -> GeneratorLimit:
    """Return what the load generator gets from a server that does nothing but answer."""
    bodies = [f'{{"query": "{query}"}}' for query in distinct_queries(requests)]
    with noop_server(answer_bytes) as url:
        found = generate(Load(url=url, clients=clients, bodies=bodies))
    return GeneratorLimit(clients=clients, requests_per_s=found.per_s)
