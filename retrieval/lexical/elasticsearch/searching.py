"""Searches in Elasticsearch, whose answers are held against the corpus.

Elasticsearch proposes, the snapshot decides: its answer counts where the snapshot holds a
row with the very content of each hit, in the namespaces asked for, and without those that do
not pass the filters. So what is stale, foreign or made up in the index is never shown, and
never takes the place of what should be: the corpus answers then.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, TypeVar

import numpy as np

from retrieval.chunk import Vectors
from retrieval.circuit import CircuitBreaker
from retrieval.corpus.store import Corpus
from retrieval.dense.by_content import key_of
from retrieval.dense.segment import NO_ADDRESS, Addresses
from retrieval.dense.snapshot import Snapshot
from retrieval.errors import StageError
from retrieval.lexical.base import Found, Question
from retrieval.lexical.elasticsearch.client import connect, reason
from retrieval.lexical.elasticsearch.filters import clauses
from retrieval.lexical.elasticsearch.mapping import Analyzers, analyzed
from retrieval.lexical.elasticsearch.projection import lexical_projection
from retrieval.projection.following import PAUSE_S, Following, Progress
from retrieval.settings import ElasticsearchSettings

T = TypeVar("T")
_THREADS = 8
# Elasticsearch gives no more hits than this in one answer.
_DEEPEST = 10_000
_DEEPER = 8
_NOTHING = 2**64 - 1


class ElasticsearchText:
    """A `TextEngine` that keeps its index equal to `corpus` in the background."""

    name = "Elasticsearch"

    def __init__(
        self, corpus: Corpus, settings: ElasticsearchSettings, pause_s: float = PAUSE_S
    ) -> None:
        self._settings = settings
        self._closing = ExitStack()
        projection = self._closing.enter_context(lexical_projection(corpus, settings))
        self._following = self._closing.enter_context(Following(corpus, projection, pause_s))
        self._analyzers = Analyzers(settings)
        self._client = connect(settings, settings.patience_ms / 1000)
        # Threads of its own: those of other stages never wait for a network.
        self._threads = ThreadPoolExecutor(_THREADS, "elasticsearch")
        self._open = False
        self._circuit = CircuitBreaker(
            self.name,
            lambda: self._in_thread(self._is_there),
            settings.patience_ms / 1000,
            settings.retry_ms / 1000,
            self._opened,
        )

    @property
    def available(self) -> bool:
        """Whether it is asked at the moment."""
        return not self._open

    @property
    def progress(self) -> Progress:
        """How far the index has followed the corpus."""
        return self._following.progress

    async def search(self, question: Question, snapshot: Snapshot, limit_s: float) -> Found:
        """Return the best rows of `snapshot`; `StageError` where it cannot answer in time."""
        from elasticsearch import ApiError, TransportError

        async def ask() -> Found:
            work = self._in_thread(lambda: self._find(question, snapshot))
            return await asyncio.wait_for(work, limit_s)

        await self._require_fresh(question, limit_s)
        try:
            return await self._circuit.call(ask)
        except TimeoutError as error:
            raise StageError(f"{self.name} took longer than {limit_s:.1f} s") from error
        except (ApiError, TransportError, KeyError, TypeError, ValueError) as error:
            raise StageError(f"{self.name} failed: {reason(error)}") from error

    def doubt(self) -> None:
        """Have the index looked through."""
        self._following.doubt()

    def close(self) -> None:
        """End the work in the background, and give connections back."""
        self._closing.close()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _require_fresh(self, question: Question, limit_s: float) -> None:
        if not self.progress.asked:
            await self._in_thread(lambda: self._following.wait(limit_s))
        progress, most = self.progress, self._settings.most_lag_s
        if progress.position is None:
            raise StageError(f"{self.name} does not have the passages of this corpus yet")
        if progress.position.version < question.at_least:
            raise StageError(
                f"{self.name} has applied version {progress.position.version}, and "
                f"not yet {question.at_least}"
            )
        if progress.lag_seconds > most:
            raise StageError(
                f"{self.name} has lacked the newest passages for {progress.lag_seconds:.0f} s"
            )

    def _find(self, question: Question, snapshot: Snapshot) -> Found:
        depth = question.k
        while True:
            hits = self._ask(question, depth)
            addresses, scores = _rows_of(hits, question, snapshot)
            if (addresses == NO_ADDRESS).any():
                self._following.doubt()
                raise StageError(
                    f"{self.name} found passages that version {snapshot.version} does not hold"
                )
            addresses, scores = _passing(addresses, scores, question, snapshot)
            if len(addresses) >= question.k or len(hits) < depth or depth >= _DEEPEST:
                best = np.lexsort((addresses, -scores))[: question.k]
                return addresses[best], scores[best]
            # Some passages stood at the very end of a range.
            depth = min(depth * _DEEPER, _DEEPEST)

    def _ask(self, question: Question, depth: int) -> list[dict[str, Any]]:
        answer = self._client.search(
            index=self._settings.index,
            query=self._query(question),
            size=min(depth, _DEEPEST),
            sort=[{"_score": {"order": "desc"}}, {"chunk_id": {"order": "asc"}}],
            source=False,
            docvalue_fields=[{"field": "content_hash"}],
            track_total_hits=False,
            # How rare a word is shall not depend on the shard.
            search_type="dfs_query_then_fetch" if self._settings.shards > 1 else None,
        )
        hits: list[dict[str, Any]] = answer["hits"]["hits"]
        return hits

    def _query(self, question: Question) -> dict[str, Any]:
        filters = clauses(question.filters)
        sides = [
            {
                "bool": {
                    "must": [{"match": {field: {"query": analyzed(field, question.query)}}}],
                    "filter": [{"terms": {"namespace": namespaces}}, *filters],
                }
            }
            for field, namespaces in self._analyzers.by_field(question.scope).items()
        ]
        return sides[0] if len(sides) == 1 else {"bool": {"should": sides}}

    def _is_there(self) -> None:
        from elasticsearch import NotFoundError

        try:
            self._client.search(index=self._settings.index, size=1, track_total_hits=False)
        except NotFoundError:
            # It answers; that there is no index is told by the position.
            return

    def _opened(self, is_open: bool) -> None:
        self._open = is_open
        if not is_open:
            self._following.hurry()


def _rows_of(hits: list[dict[str, Any]], question: Question, snapshot: Snapshot) -> Found:
    """Return where in the scope of `snapshot` each hit is, and its score."""
    keys = np.array([_content(hit) for hit in hits], np.uint64)
    scores = np.array([hit["_score"] for hit in hits], np.float32)
    addresses, once = np.unique(snapshot.find(question.scope, keys), return_index=True)
    return addresses, scores[once]


def _content(hit: dict[str, Any]) -> int:
    """Return the key of what was matched, one that nothing has for an entry that is not ours."""
    try:
        return key_of(hit["fields"]["content_hash"][0])
    except (KeyError, ValueError):
        return _NOTHING


def _passing(
    addresses: Addresses, scores: Vectors, question: Question, snapshot: Snapshot
) -> Found:
    """Leave out what does not pass the filters, as the corpus understands them."""
    if question.predicate is None or not len(addresses):
        return addresses, scores
    named = ", ".join(map(str, addresses.tolist()))
    table = snapshot.dataset.scanner(
        columns=[],
        filter=f"_rowaddr IN ({named}) AND ({question.predicate})",
        with_row_address=True,
    ).to_table()
    passing = np.isin(addresses, table["_rowaddr"].to_numpy())
    return addresses[passing], scores[passing]
