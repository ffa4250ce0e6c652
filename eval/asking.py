"""Loading a collection into a system and asking it every query."""

import asyncio
import time
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from eval.datasets.base import Dataset
from eval.errors import EvaluationError
from eval.journal import Journal, StoredAnswer, StoredHit
from eval.progress import Progress
from eval.systems.base import SearchSystem
from retrieval.chunk import Chunk
from retrieval.ids import chunk_id, content_hash
from retrieval.query import Hit, Mode, SearchRequest, SearchResponse

_UPSERT = 256
_MOST = 200
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how to ask: `index_version` is the least that answers must show, or None.

    `depth` is how many hits are fetched; with `explain` each of them says why. `passages` is
    the hash of those that were indexed for it, empty where none were.
    """

    namespace: str
    index_version: int | None
    depth: int
    concurrency: int = 8
    explain: bool = False
    passages: str = ""


def chunks_of(dataset: Dataset, namespace: str) -> list[Chunk]:
    """Return the passages of all documents; those without any text cannot be found."""
    return [
        Chunk(
            namespace,
            document.doc_id,
            chunk_id(namespace, document.doc_id, position, text),
            text,
            position,
            title=document.title or None,
        )
        for document in dataset.documents
        for position, text in enumerate(document.indexed)
    ]


def passages_hash(dataset: Dataset) -> str:
    """Return the SHA-256 of the passages of all documents and their order; empty without any."""
    if not dataset.documents:
        return ""
    return content_hash(*(chunk.chunk_id for chunk in chunks_of(dataset, "")))


async def index_dataset(
    system: SearchSystem, dataset: Dataset, namespace: str, progress: Progress
) -> int:
    """Store the collection in `namespace`; return the index version that shows all of it."""
    chunks = chunks_of(dataset, namespace)
    version = done = 0
    for batch in _batches(chunks):
        version = await system.index(batch)
        done += len(batch)
        progress("index", done, len(chunks))
    return version


async def refuse_foreign(system: SearchSystem, dataset: Dataset, namespace: str) -> None:
    """Raise `EvaluationError` where `namespace` holds documents of somebody else.

    By meaning every passage is near in some degree, so that the nearest are never
    all of `dataset` where most of the namespace is not.
    """
    query = next(iter(dataset.judged_queries.values()))
    request = SearchRequest(query=query, namespace=namespace, mode="dense", k=_MOST)
    _require_known(await system.search(request), dataset)


class Asker:
    """Asks the queries of one dataset, so many at a time; what `journal` holds is not asked."""

    def __init__(
        self, system: SearchSystem, dataset: Dataset, place: Place, journal: Journal | None = None
    ) -> None:
        self._system = system
        self._dataset = dataset
        self._place = place
        self._journal = journal
        self._slots = asyncio.Semaphore(place.concurrency)

    async def ask_all(self, mode: Mode, progress: Progress) -> list[StoredAnswer]:
        """Return the answers to all judged queries in `mode`, in their order."""
        queries = self._dataset.judged_queries
        done = 0

        async def ask(query_id: str) -> StoredAnswer:
            nonlocal done
            answer = self._stored(mode, query_id) or await self._ask(mode, query_id)
            done += 1
            progress(mode, done, len(queries))
            return answer

        return await _all([ask(query_id) for query_id in queries])

    def _stored(self, mode: Mode, query_id: str) -> StoredAnswer | None:
        return self._journal.find(mode, query_id) if self._journal is not None else None

    async def _ask(self, mode: Mode, query_id: str) -> StoredAnswer:
        request = self._request(mode, query_id)
        async with self._slots:
            start = time.perf_counter()
            response = await self._system.search(request)
            seconds = time.perf_counter() - start
        answer = StoredAnswer(
            mode=mode,
            query_id=query_id,
            seconds=seconds,
            degraded=[entry.stage for entry in response.degraded],
            corrections=response.corrections,
            hits=self._documents(query_id, response),
        )
        if self._journal is not None:
            self._journal.add(answer)
        return answer

    def _request(self, mode: Mode, query_id: str) -> SearchRequest:
        record = self._dataset.record(query_id)
        options = record.get("options")
        fields = dict(options) if isinstance(options, dict) else {}
        fields |= {"query": record["query"], "mode": mode, "k": self._place.depth}
        fields["namespace"] = self._place.namespace or record.get("namespace") or "pmoves"
        if self._place.index_version is not None:
            fields["min_index_version"] = self._place.index_version
        if self._place.explain:
            fields["explain"] = True
        return SearchRequest.model_validate(fields)

    def _documents(self, query_id: str, response: SearchResponse) -> list[StoredHit]:
        """Return the documents of the hits, each at its best passage."""
        _require_known(response, self._dataset)
        judged = self._dataset.qrels[query_id]
        found: dict[str, Hit] = {}
        for hit in response.hits:
            found.setdefault(hit.chunk_id if hit.chunk_id in judged else hit.doc_id, hit)
        if self._dataset.drop_identical_ids:
            found.pop(query_id, None)
        return [
            StoredHit(doc_id=name, score=hit.score, explain=hit.explain)
            for name, hit in found.items()
        ]


def _require_known(response: SearchResponse, dataset: Dataset) -> None:
    known = dataset.document_ids
    for hit in response.hits:
        if known and hit.doc_id not in known:
            raise EvaluationError(
                f"the namespace {hit.namespace!r} holds {hit.doc_id!r}, which is no document "
                f"of {dataset.name}; evaluate in a namespace of its own"
            )


def _batches(chunks: Sequence[Chunk]) -> Iterator[list[Chunk]]:
    """Yield whole documents, together some hundreds of passages at a time."""
    batch: list[Chunk] = []
    for _, document in groupby(chunks, key=lambda chunk: chunk.doc_id):
        passages = list(document)
        if batch and len(batch) + len(passages) > _UPSERT:
            yield batch
            batch = []
        batch += passages
    if batch:
        yield batch


async def _all(work: Sequence[Coroutine[None, None, T]]) -> list[T]:
    """Return every result; the first failure ends the rest and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(item) for item in work]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
