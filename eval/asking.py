"""Loading a collection into a system and asking it every query."""

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from eval.datasets.base import Dataset
from eval.errors import EvaluationError
from eval.progress import Progress
from eval.runs import Scored
from eval.systems.base import SearchSystem
from retrieval.chunk import Chunk
from retrieval.ids import chunk_id
from retrieval.query import Mode, SearchRequest, SearchResponse

_UPSERT = 256
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers to all queries in one mode; `seconds` per query as the caller saw them."""

    run: Mapping[str, Sequence[Scored]]
    seconds: Sequence[float]
    degraded: int


def chunks_of(dataset: Dataset, namespace: str) -> list[Chunk]:
    """Return one chunk for each document that has any text; the others cannot be found."""
    return [
        Chunk(
            namespace,
            document.doc_id,
            chunk_id(namespace, document.doc_id, 0, document.passage),
            document.passage,
            title=document.title or None,
        )
        for document in dataset.documents
        if document.passage
    ]


async def index_dataset(
    system: SearchSystem, dataset: Dataset, namespace: str, progress: Progress
) -> int:
    """Store the collection in `namespace`; return the index version that shows all of it."""
    chunks = chunks_of(dataset, namespace)
    version = 0
    for start in range(0, len(chunks), _UPSERT):
        version = await system.index(chunks[start : start + _UPSERT])
        progress("index", min(start + _UPSERT, len(chunks)), len(chunks))
    return version


class Asker:
    """Asks the queries of one dataset, `concurrency` of them at a time."""

    def __init__(
        self,
        system: SearchSystem,
        dataset: Dataset,
        namespace: str,
        index_version: int,
        *,
        depth: int,
        concurrency: int,
    ) -> None:
        self._system = system
        self._dataset = dataset
        self._known = {document.doc_id for document in dataset.documents}
        self._scope = {"namespace": namespace, "k": depth, "min_index_version": index_version}
        self._slots = asyncio.Semaphore(concurrency)

    async def ask_all(self, mode: Mode, progress: Progress) -> Asked:
        """Ask every judged query in `mode`."""
        queries = self._dataset.judged_queries
        done = 0

        async def ask(query_id: str, text: str) -> tuple[list[Scored], float, bool]:
            nonlocal done
            async with self._slots:
                start = time.perf_counter()
                response = await self._system.search(self._request(text, mode))
                seconds = time.perf_counter() - start
            done += 1
            progress(mode, done, len(queries))
            return self._documents(query_id, response), seconds, bool(response.degraded)

        answers = await _all([ask(*query) for query in queries.items()])
        run = {query_id: found for query_id, (found, _, _) in zip(queries, answers, strict=True)}
        seconds = [spent for _, spent, _ in answers]
        return Asked(run, seconds, sum(degraded for _, _, degraded in answers))

    def _request(self, text: str, mode: Mode) -> SearchRequest:
        return SearchRequest.model_validate({"query": text, "mode": mode, **self._scope})

    def _documents(self, query_id: str, response: SearchResponse) -> list[Scored]:
        """Return the documents of the hits, each at its best passage."""
        found: dict[str, float] = {}
        for hit in response.hits:
            if hit.doc_id not in self._known:
                raise EvaluationError(
                    f"the namespace {hit.namespace!r} holds {hit.doc_id!r}, which is no document "
                    f"of {self._dataset.name}; evaluate in a namespace of its own"
                )
            found.setdefault(hit.doc_id, hit.score)
        if self._dataset.drop_identical_ids:
            found.pop(query_id, None)
        return [Scored(doc_id, score) for doc_id, score in found.items()]


async def _all(work: Sequence[Coroutine[None, None, T]]) -> list[T]:
    """Return every result; the first failure ends the rest and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(item) for item in work]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
