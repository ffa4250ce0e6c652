"""One size of the growth benchmark: a corpus on disk, and what is measured on it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from eval.bench.growth_found import Found
from eval.bench.growth_material import (
    IDENTITY,
    NAMESPACES,
    SHELVES,
    SMALLEST,
    Batch,
    Material,
    shelf_name,
)
from eval.bench.search import in_process
from eval.errors import EvaluationError
from eval.progress import Progress
from retrieval.chunk import Chunk, Document
from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower
from retrieval.dense.snapshots_on_disk import SnapshotFolder
from retrieval.pipeline import Searcher
from retrieval.query import Filters, SearchRequest, SearchResponse
from retrieval.settings import SearchSettings

KINDS = ("hybrid", "dense", "lexical", "filtered", "new filter", "smallest")
# A filter that others have used, one of so many shelves; a new one is tested on every row.
_USED_SHELVES = 5
_NEW_FILTERS = 20
_FILL = 10_000
_OPTIMIZE_EVERY = 10
_WARM_UP = 20
_MINUTE_MS = 60_000
_PATIENT = SearchSettings(
    timeout_ms=_MINUTE_MS, dense_timeout_ms=_MINUTE_MS, lexical_timeout_ms=_MINUTE_MS
)


@dataclass(frozen=True, slots=True)
class GrowthPlan:
    """What to measure.

    `searches` of each kind and `commits`, of `commit_chunks` chunks each, are per
    round and size.
    """

    sizes: Sequence[int]
    rounds: int = 3
    searches: int = 100
    clients: int = 4
    commits: int = 10
    commit_chunks: int = 100
    k: int = 10


class _State(BaseModel):
    """What a run leaves for the next one: whether the corpus is full, and rounds so far."""

    filled: bool = False
    rounds: int = 0


class Side:
    """One size: the corpus in `home` and what searches it."""

    def __init__(self, home: Path, size: int, plan: GrowthPlan) -> None:
        self.size, self.found = size, Found()
        self.uri, self.cache = str(home / "corpus"), home / "cache"
        self._plan, self._material = plan, Material()
        self._state_file = home / "state.json"
        self._corpus = Corpus.open(self.uri, IDENTITY)
        self._state = self._read_state()
        self._follower = DenseFollower(self._corpus, folder=SnapshotFolder(self.cache))
        self._searcher = Searcher(self._corpus, self._material, _PATIENT, self._follower)

    def fill(self, progress: Progress) -> None:
        """Store the chunks that are not there yet, with upkeep between, and build the index."""
        if not self._state.filled:
            done = self._corpus.dataset().count_rows()
            batches = self._material.batches(self.size, _FILL, seed=0, skip=-(-done // _FILL))
            for number, batch in enumerate(batches, start=1):
                self._store(batch)
                if number % _OPTIMIZE_EVERY == 0:
                    self._corpus.optimize()
                    self._follower.refresh()
                done += len(batch.chunks)
                progress(f"store {self.size}", done, self.size)
            self._corpus.optimize()
            self._keep(_State(filled=True))
        self._follower.refresh()
        self._follower.settle()

    def measure(self, runner: asyncio.Runner, number: int) -> None:
        """Search and commit once more; `number` counts the rounds of this run."""
        # Every round of every run has documents and questions of its own.
        seed = self._state.rounds + 1
        self._keep(_State(filled=True, rounds=seed))
        for kind in KINDS:
            searches = _NEW_FILTERS if kind == "new filter" else self._plan.searches
            at = number * len(KINDS) + KINDS.index(kind)
            self._search(runner, kind, self._requests(kind, at, _WARM_UP + searches))
        self._commit(2 * seed)
        runner.run(self._ingest(2 * seed + 1, number))
        self._follower.settle()

    def close(self) -> None:
        """End the threads."""
        self._searcher.close()

    def _search(self, runner: asyncio.Runner, kind: str, requests: list[SearchRequest]) -> None:
        system, rest = _Direct(self._searcher), requests[_WARM_UP:]
        runner.run(in_process(system, requests[:_WARM_UP], 1))
        alone = runner.run(in_process(system, rest, 1))
        self.found.add_latencies(kind, alone.latencies)
        if kind == "hybrid":
            together = runner.run(in_process(system, rest, self._plan.clients))
            self.found.add("searches/s", len(together.latencies) / together.seconds)

    def _commit(self, seed: int) -> None:
        """Commit with nothing else going on, then let the index catch up, then tidy up."""
        documents, begun = 0, time.perf_counter()
        for batch in self._batches(seed):
            documents += len(batch.documents)
            self._store(batch)
        written = time.perf_counter()
        self._follower.refresh()
        seen = time.perf_counter()
        self._corpus.optimize()
        kept = time.perf_counter()
        self._follower.refresh()
        chunks = self._plan.commits * self._plan.commit_chunks
        self.found.add("commit of a document", (written - begun) / documents * 1e3)
        self.found.add("upkeep of a document", (kept - seen) / documents * 1e3)
        self.found.add("catch-up chunks/s", chunks / (seen - written))

    async def _ingest(self, seed: int, number: int) -> None:
        """Commit in a thread while searches go on; note when they see each commit."""
        versions: list[tuple[int, float]] = []
        writing = asyncio.create_task(asyncio.to_thread(self._write, seed, versions))
        latencies: list[float] = []
        requests = iter(self._requests("hybrid", number, 100_000))
        while not writing.done() or versions:
            begun = time.perf_counter()
            response = await self._searcher.search(next(requests))
            latencies.append(time.perf_counter() - begun)
            for seen in [pair for pair in versions if pair[0] <= response.index_version]:
                versions.remove(seen)
                self.found.visible.append(time.perf_counter() - seen[1])
        await writing
        self.found.add_latencies("hybrid during ingest", latencies)

    def _write(self, seed: int, versions: list[tuple[int, float]]) -> None:
        for batch in self._batches(seed):
            begun = time.perf_counter()
            versions.append((self._store(batch), begun))

    def _store(self, batch: Batch) -> int:
        """Commit whole documents as an ingest does, with their rows of the ledger."""
        rows = [
            Document(namespace, doc_id, f"bench:{doc_id}", "ready")
            for namespace, doc_id in sorted(batch.documents)
        ]
        commit = self._corpus.commit(
            batch.chunks, batch.vectors, replace=batch.documents, documents=rows
        )
        return commit.version

    def _batches(self, seed: int) -> list[Batch]:
        total = self._plan.commits * self._plan.commit_chunks
        return list(self._material.batches(total, self._plan.commit_chunks, seed))

    def _requests(self, kind: str, seed: int, count: int) -> list[SearchRequest]:
        random = np.random.default_rng(seed)
        names = random.choice(list(NAMESPACES), count, p=list(NAMESPACES.values()))
        questions = self._material.questions(count, seed)
        return [
            SearchRequest(
                query=text,
                namespace=SMALLEST if kind == "smallest" else str(name),
                k=self._plan.k,
                mode=kind if kind in ("dense", "lexical") else "hybrid",
                filters=_filters(kind, f"{self._state.rounds}-{at}", at),
            )
            for at, (text, name) in enumerate(zip(questions, names, strict=True))
        ]

    def _read_state(self) -> _State:
        if not self._state_file.exists():
            return _State()
        return _State.model_validate_json(self._state_file.read_bytes())

    def _keep(self, state: _State) -> None:
        self._state = state
        self._state_file.write_text(state.model_dump_json(), encoding="utf-8")


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


def _filters(kind: str, unique: str, number: int) -> Filters | None:
    match kind:
        case "filtered":
            return {"metadata.shelf": shelf_name(number % _USED_SHELVES)}
        case "new filter":
            return {"metadata.shelf": [shelf_name(number % SHELVES), unique]}
    return None
