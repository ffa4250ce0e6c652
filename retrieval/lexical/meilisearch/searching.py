"""Searches in Meilisearch, put so that one word of a query is enough.

None of Meilisearch's matching strategies takes any one word: `last` asks for the first ones,
`frequency` for the rarest. So the query is asked as a whole by `frequency`, and each
of its words alone, in one request whose answers Meilisearch merges by their weighted scores. A
passage with one of n words scores 1/n at most in the whole, so the words alone weigh 1/n.
"""

from typing import TYPE_CHECKING

from retrieval.corpus.store import Corpus
from retrieval.lexical.base import Question
from retrieval.lexical.meilisearch.client import code, connect, reason, trouble
from retrieval.lexical.meilisearch.entries import analysis
from retrieval.lexical.meilisearch.filters import expressions
from retrieval.lexical.meilisearch.projection import lexical_projection
from retrieval.lexical.remote import DEEPEST, Hit, RemoteText
from retrieval.projection.following import PAUSE_S
from retrieval.settings import MeilisearchSettings

if TYPE_CHECKING:
    from meilisearch_python_sdk.models.search import SearchParams

# Meilisearch leaves out what comes behind them.
_MOST_WORDS = 10


class MeilisearchText(RemoteText):
    """A `TextEngine` that keeps an index in Meilisearch equal to `corpus`."""

    def __init__(
        self, corpus: Corpus, settings: MeilisearchSettings, pause_s: float = PAUSE_S
    ) -> None:
        projection = lexical_projection(corpus, settings)
        super().__init__(
            "Meilisearch", corpus, MeilisearchIndex(settings), projection, settings, pause_s
        )


class MeilisearchIndex:
    """The searches; see `retrieval.lexical.remote.WordIndex`."""

    def __init__(self, settings: MeilisearchSettings) -> None:
        self._settings = settings
        self._client = connect(settings, settings.patience_ms / 1000)
        self.trouble = trouble()

    def best(self, question: Question, depth: int) -> list[Hit]:
        """Return the best `depth` hits by the weighted ranking score, above 0 and up to 1."""
        from meilisearch_python_sdk.models.search import Federation, SearchResultsFederated

        words = list(dict.fromkeys(analysis(self._settings.language)(question.query)))
        queries = self._queries(words[:_MOST_WORDS], question)
        if not queries:
            return []
        federation = Federation(limit=min(depth, DEEPEST))
        answer = self._client.multi_search(queries, federation=federation)
        if not isinstance(answer, SearchResultsFederated):
            raise TypeError("the answers were not merged")
        return [
            Hit(hit.get("content_hash"), hit["_federation"]["weightedRankingScore"])
            for hit in answer.hits
        ]

    def check(self) -> None:
        """Return if it answers; that there is no index is told by the position."""
        from meilisearch_python_sdk.errors import MeilisearchApiError

        try:
            self._client.index(self._settings.index).search("", limit=1)
        except MeilisearchApiError as error:
            if code(error) != "index_not_found":
                raise

    def reason(self, error: Exception) -> str:
        """Return what went wrong, in one line."""
        return reason(error)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _queries(self, words: list[str], question: Question) -> "list[SearchParams]":
        alone = 1 / max(1, len(words))
        each = [(word, alone) for word in words] if len(words) > 1 else []
        asked = [(" ".join(words), 1.0), *each] if words else []
        return [self._query(text, weight, question) for text, weight in asked]

    def _query(self, text: str, weight: float, question: Question) -> "SearchParams":
        from meilisearch_python_sdk.models.search import FederationOptions, SearchParams

        return SearchParams(
            index_uid=self._settings.index,
            q=text,
            filter=list(expressions(question.scope, question.filters)),
            attributes_to_retrieve=["content_hash"],
            matching_strategy="frequency",
            federation_options=FederationOptions(weight=weight),
        )
