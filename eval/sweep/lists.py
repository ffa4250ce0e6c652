"""Retrieved once, fused many times: what both sides found for every query."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from eval.datasets.base import Dataset
from eval.metrics import Metric
from eval.progress import Progress
from eval.sweep.spec import Setting
from retrieval.dense.snapshot import Snapshot
from retrieval.pipeline import Searcher
from retrieval.query import SearchRequest
from retrieval.ranking import rank
from retrieval.retrievers import Candidates

_CONCURRENCY = 4


@dataclass(frozen=True, slots=True)
class _Found:
    query_id: str
    candidates: Candidates
    snapshot: Snapshot


class SharedLists:
    """The candidates of every judged query of one dataset, and their documents."""

    def __init__(
        self, dataset: Dataset, namespace: str, found: Sequence[_Found], depth: int
    ) -> None:
        self.dataset = dataset
        self._namespace = namespace
        self._found = found
        self._depth = depth
        self._documents = _documents(found)

    @classmethod
    async def retrieve(
        cls,
        searcher: Searcher,
        dataset: Dataset,
        namespace: str,
        version: int,
        progress: Progress,
        depth: int = 100,
    ) -> Self:
        """Ask both sides every query; `depth` is how many hits rankings will have."""
        slots, done = asyncio.Semaphore(_CONCURRENCY), 0
        queries = dataset.judged_queries

        async def ask(query_id: str, text: str) -> _Found:
            nonlocal done
            request = SearchRequest(
                query=text, namespace=namespace, k=depth, min_index_version=version
            )
            async with slots:
                candidates, snapshot = await searcher.candidates(request)
            done += 1
            progress("retrieve", done, len(queries))
            return _Found(query_id, candidates, snapshot)

        found = await asyncio.gather(*(ask(*query) for query in queries.items()))
        return cls(dataset, namespace, found, depth)

    def values(self, setting: Setting, metric: Metric) -> dict[str, float]:
        """Return the metric's value of every query under `setting`."""
        return {
            found.query_id: metric.compute(
                self._ranked(found, setting), self.dataset.qrels[found.query_id]
            )
            for found in self._found
        }

    def ranked(self, setting: Setting) -> dict[str, list[str]]:
        """Return the documents of every query under `setting`, best first."""
        return {found.query_id: self._ranked(found, setting) for found in self._found}

    def _ranked(self, found: _Found, setting: Setting) -> list[str]:
        ranking = rank(found.candidates, setting.fusion, setting.alpha).smoothed(
            found.snapshot, (self._namespace,), self._depth, setting.neighbor_share
        )
        head = ranking.scores[: self._depth]
        return list(dict.fromkeys(self._documents[address] for address, _ in head))


def _documents(found: Sequence[_Found]) -> dict[int, str]:
    """Return the document of every row that any side found."""
    if not found:
        return {}
    addresses = sorted(
        {
            address
            for item in found
            for side in (item.candidates.dense, item.candidates.lexical)
            for address in side or ()
        }
    )
    table = found[-1].snapshot.dataset._take_rows(addresses, columns=["doc_id"])
    return dict(zip(addresses, table["doc_id"].to_pylist(), strict=True))
