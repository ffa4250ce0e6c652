"""Searches in Elasticsearch."""

from typing import Any

from retrieval.corpus.store import Corpus
from retrieval.lexical.base import Question
from retrieval.lexical.elasticsearch.client import connect, reason
from retrieval.lexical.elasticsearch.filters import clauses
from retrieval.lexical.elasticsearch.mapping import Analyzers, analyzed
from retrieval.lexical.elasticsearch.projection import lexical_projection
from retrieval.lexical.remote import DEEPEST, Hit, RemoteText
from retrieval.projection.following import PAUSE_S
from retrieval.settings import ElasticsearchSettings


class ElasticsearchText(RemoteText):
    """A `TextEngine` that keeps an index in Elasticsearch equal to `corpus`."""

    def __init__(
        self, corpus: Corpus, settings: ElasticsearchSettings, pause_s: float = PAUSE_S
    ) -> None:
        projection = lexical_projection(corpus, settings)
        super().__init__(
            "Elasticsearch", corpus, ElasticsearchIndex(settings), projection, settings, pause_s
        )


class ElasticsearchIndex:
    """The searches; see `retrieval.lexical.remote.WordIndex`."""

    def __init__(self, settings: ElasticsearchSettings) -> None:
        self._settings = settings
        self._client = connect(settings, settings.patience_ms / 1000)
        self._analyzers = Analyzers(settings)
        from elasticsearch import ApiError, TransportError

        self.trouble: tuple[type[Exception], ...] = (ApiError, TransportError)

    def best(self, question: Question, depth: int) -> list[Hit]:
        """Return the best `depth` hits by BM25."""
        answer = self._client.search(
            index=self._settings.index,
            query=self._query(question),
            size=min(depth, DEEPEST),
            sort=[{"_score": {"order": "desc"}}, {"chunk_id": {"order": "asc"}}],
            source=False,
            docvalue_fields=[{"field": "content_hash"}],
            track_total_hits=False,
            # How rare a word is shall not depend on the shard.
            search_type="dfs_query_then_fetch" if self._settings.shards > 1 else None,
        )
        return [Hit(_content(hit), hit["_score"]) for hit in answer["hits"]["hits"]]

    def check(self) -> None:
        """Return if it answers; that there is no index is told by the position."""
        from elasticsearch import NotFoundError

        try:
            self._client.search(index=self._settings.index, size=1, track_total_hits=False)
        except NotFoundError:
            return

    def reason(self, error: Exception) -> str:
        """Return what went wrong, in one line."""
        return reason(error)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

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


def _content(hit: dict[str, Any]) -> object:
    # An entry that is not ours need not have it.
    found = hit.get("fields", {}).get("content_hash")
    return found[0] if found else None
