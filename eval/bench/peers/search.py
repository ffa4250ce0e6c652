"""Searches of the mesh and its peers, over HTTP, in turn, on one corpus.

Every system indexes the same passages with the same model, answers the judged queries
once, which gives the quality and warms it up, and is then asked distinct queries with
each number of clients, round by round. All run at the same time; only one is asked.
"""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median

import numpy as np

from eval.bench.load import LoadResult, generate
from eval.bench.machine import this_machine
from eval.bench.peers.memory import memory_of
from eval.bench.peers.processes import cpu_seconds
from eval.bench.peers.search_report import (
    PeerRatio,
    PeersSearchReport,
    SystemLoad,
    SystemSummary,
)
from eval.bench.peers.server import Passage, SearchServer
from eval.bench.search import generator_limit
from eval.comparison import Difference, Pair, compare_pairs
from eval.datasets.base import Dataset
from eval.errors import EvaluationError
from eval.metrics import parse_metric
from eval.progress import LineProgress, Progress
from eval.statistics import bootstrap

METRIC = "nDCG@10"
_DEEP = 5
_WORDS = range(4, 18)
Cell = tuple[str, int]
Results = Mapping[Cell, Sequence["Turn"]]
Values = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PeersPlan:
    """What to measure; `searches` is per round, system and number of clients."""

    clients: Sequence[int] = (1, 16)
    rounds: int = 3
    searches: int = 200
    k: int = 10


@dataclass(frozen=True, slots=True)
class Turn:
    """One load on one system.

    `spent` is the processor time of every system meanwhile, where its processes are
    known, and `seconds` how long that was.
    """

    found: LoadResult
    seconds: float
    spent: Mapping[str, float]

    @property
    def percentiles(self) -> list[float]:
        """The 50th, 95th and 99th of the latencies, in milliseconds."""
        return [float(value) for value in np.percentile(self.found.latencies, [50, 95, 99]) * 1e3]


def bench_peers(
    plan: PeersPlan,
    dataset: Dataset,
    servers: Sequence[SearchServer],
    progress: Progress | None = None,
) -> PeersSearchReport:
    """Measure all `servers`, the first of which is compared with each of the others."""
    bench = _PeersBench(plan, dataset, servers, progress or LineProgress())
    seconds = bench.index()
    quality = bench.quality()
    results = bench.rounds()
    ours, *peers = [server.name for server in servers]
    return PeersSearchReport(
        machine=this_machine(),
        dataset=dataset.name,
        dataset_hash=dataset.content_hash,
        passages=len(bench.passages),
        queries=len(dataset.judged_queries),
        k=plan.k,
        rounds=plan.rounds,
        searches_per_round=plan.searches,
        systems=[
            _summary(item, seconds[item.name], quality[item.name], results) for item in servers
        ],
        loads=[_load(cell, turns) for cell, turns in results.items()],
        ratios=[
            ratio
            for clients in plan.clients
            for peer in peers
            for ratio in _ratios(clients, ours, peer, results)
        ],
        differences=_differences(ours, peers, quality),
        generator=[generator_limit(clients, bench.answer_bytes) for clients in plan.clients],
    )


def passages_of(dataset: Dataset) -> list[Passage]:
    """Return what every system indexes."""
    texts = ((item.doc_id, text) for item in dataset.documents for text in item.indexed)
    return [Passage(f"p{at}", doc_id, text) for at, (doc_id, text) in enumerate(texts)]


def distinct_extracts(passages: Sequence[Passage], count: int, seed: int = 0) -> list[str]:
    """Return `count` different queries: four to seventeen words in a row from a passage.

    Raises `EvaluationError` where the passages hold too few words for that.
    """
    rng, found = random.Random(seed), dict[str, None]()
    texts = [words for item in passages if len(words := item.text.split()) >= min(_WORDS)]
    for _ in range(20 * count if texts else 0):
        words = rng.choice(texts)
        length = min(rng.choice(_WORDS), len(words))
        start = rng.randrange(len(words) - length + 1)
        found[" ".join(words[start : start + length])] = None
        if len(found) == count:
            return list(found)
    raise EvaluationError(
        f"the collection gives only {len(found)} of {count} distinct queries; lower --searches"
    )


class _PeersBench:
    def __init__(
        self,
        plan: PeersPlan,
        dataset: Dataset,
        servers: Sequence[SearchServer],
        progress: Progress,
    ) -> None:
        self._plan, self._dataset, self._servers = plan, dataset, servers
        self._progress = progress
        self.passages = passages_of(dataset)
        if not self.passages or not dataset.judged_queries:
            raise EvaluationError(f"{dataset.name} holds no documents or no judged queries")
        needed = plan.rounds * len(plan.clients) * plan.searches
        self._queries = iter(distinct_extracts(self.passages, needed))

    @property
    def answer_bytes(self) -> int:
        """About how long an answer is: the texts of k passages."""
        return self._plan.k * sum(len(item.text) for item in self.passages) // len(self.passages)

    def index(self) -> dict[str, float]:
        """Return the seconds in which each system makes all passages searchable."""
        seconds = {}
        for number, server in enumerate(self._servers):
            start = time.perf_counter()
            server.index(self.passages)
            seconds[server.name] = time.perf_counter() - start
            self._progress("index", number + 1, len(self._servers))
        return seconds

    def quality(self) -> dict[str, Values]:
        """Return the value of every judged query, by system."""
        found = {}
        for number, server in enumerate(self._servers):
            found[server.name] = self._values(server)
            self._progress("judged queries", number + 1, len(self._servers))
        return found

    def rounds(self) -> dict[Cell, list[Turn]]:
        """Measure every cell once a round; who comes first moves on."""
        servers = list(self._servers)
        results: dict[Cell, list[Turn]] = {
            (server.name, clients): [] for clients in self._plan.clients for server in servers
        }
        for number in range(self._plan.rounds):
            for clients in self._plan.clients:
                queries = list(islice(self._queries, self._plan.searches))
                for server in servers:
                    turn = self._turn(server, queries, clients)
                    results[server.name, clients].append(turn)
            servers.append(servers.pop(0))
            self._progress("round", number + 1, self._plan.rounds)
        return results

    def _turn(self, server: SearchServer, queries: Sequence[str], clients: int) -> Turn:
        load = server.load(queries, clients, self._plan.k)
        before, start = self._cpu(), time.perf_counter()
        found = generate(load)
        seconds, after = time.perf_counter() - start, self._cpu()
        return Turn(found, seconds, {name: after[name] - before[name] for name in before})

    def _cpu(self) -> dict[str, float]:
        return {
            server.name: cpu_seconds(server.processes())
            for server in self._servers
            if server.processes
        }

    def _values(self, server: SearchServer) -> Values:
        metric = parse_metric(METRIC)
        # Several passages of one document count once, so that more of them are needed.
        whole = len(self.passages) == len({item.doc_id for item in self.passages})
        depth = self._plan.k if whole else _DEEP * self._plan.k
        return {
            query_id: metric.compute(
                list(dict.fromkeys(server.search(text, depth))), self._dataset.qrels[query_id]
            )
            for query_id, text in self._dataset.judged_queries.items()
        }


def _summary(
    server: SearchServer, seconds: float, values: Values, results: Results
) -> SystemSummary:
    others = [turn for cell, turns in results.items() if cell[0] != server.name for turn in turns]
    idle = [turn.spent[server.name] / turn.seconds for turn in others if server.name in turn.spent]
    return SystemSummary(
        name=server.name,
        versions=dict(server.versions),
        index_s=seconds,
        quality=bootstrap(list(values.values())),
        memory=memory_of(server.processes()) if server.processes else None,
        idle_cores=median(idle) if idle else None,
    )


def _load(cell: Cell, turns: Sequence[Turn]) -> SystemLoad:
    percentiles = [turn.percentiles for turn in turns]
    p50, p95, p99 = (median(values) for values in zip(*percentiles, strict=True))
    costs = [
        turn.spent[cell[0]] * 1e3 / len(turn.found.latencies)
        for turn in turns
        if cell[0] in turn.spent
    ]
    return SystemLoad(
        name=cell[0],
        clients=cell[1],
        searches_per_s=median(turn.found.per_s for turn in turns),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        cpu_ms=median(costs) if costs else None,
        failures=sum(turn.found.failures for turn in turns),
    )


def _ratios(clients: int, ours: str, peer: str, results: Results) -> list[PeerRatio]:
    sides = [results[name, clients] for name in (ours, peer)]
    rates = [[turn.found.per_s for turn in side] for side in sides]
    tails = [[turn.percentiles[1] for turn in side] for side in sides]
    return [
        PeerRatio.of(*rates, what="searches/s", peer=peer, clients=clients),
        PeerRatio.of(*tails, what="p95", peer=peer, clients=clients),
    ]


def _differences(
    ours: str, peers: Sequence[str], quality: Mapping[str, Values]
) -> list[Difference]:
    return compare_pairs(
        [Pair(peer, "hybrid", METRIC, quality[peer], quality[ours]) for peer in peers]
    )
