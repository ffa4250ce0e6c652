"""Typing errors in queries: a word that no passage holds is read as the nearest one that does.

Queries whose words are all there stay as they are. Which words are there is asked of the
corpus's own text index, in the namespaces of the query alone, and remembered, so that most
queries ask nothing. What a word may have been is read in the passages that hold something
near it and most of the other words.
"""

from collections.abc import Callable, Sequence
from functools import partial

import lance
from lance.query import BooleanQuery, FullTextOperator, FullTextQuery, Occur

from retrieval.dense.segment import Addresses
from retrieval.dense.snapshot import Snapshot
from retrieval.lexical.fulltext import Within, search_text, words_query
from retrieval.lexical.spelling import (
    TWO_FROM,
    corrected,
    exchanged,
    meant,
    plain_words,
    variants,
)

# Longer queries are pasted text, in which one word matters little.
_MOST_WORDS = 64
_MOST_CORRECTIONS = 8
_PASSAGES = 50
# Words of the index that Lance tries for one.
_EXPANSIONS = 500
_REMEMBERED = 200_000
_READ_QUERIES = 10_000
Scope = tuple[str, ...]
_Asked = Callable[[FullTextQuery, int], Addresses]


class TypoTolerance:
    """Corrects queries; safe from any thread."""

    def __init__(self) -> None:
        # A word that was there may have gone since; it is then searched as it is written.
        self._known: set[tuple[Scope, str]] = set()
        self._beyond_help: dict[tuple[Scope, str], int] = {}
        self._read_as: dict[tuple[Scope, str], tuple[int, dict[str, str]]] = {}

    def doubtful(self, query: str, scope: Scope, version: int) -> list[str]:
        """Return the words of `query` that are not known to be in `scope`; asks nothing."""
        words = plain_words(query)
        if len(words) > _MOST_WORDS:
            return []
        return [
            word
            for word in words
            if (scope, word) not in self._known and self._beyond_help.get((scope, word)) != version
        ]

    def remembered(self, query: str, scope: Scope, version: int) -> dict[str, str] | None:
        """Return what was found out about `query` in this version; None: nothing yet."""
        then, found = self._read_as.get((scope, query), (None, {}))
        return found if then == version else None

    def corrections(
        self, query: str, words: Sequence[str], scope: Scope, snapshot: Snapshot
    ) -> dict[str, str]:
        """Return those of `words` that no passage of `scope` holds, and what each is read as."""
        found = self._find(query, words, scope, snapshot)
        if len(self._read_as) >= _READ_QUERIES:
            self._read_as = {}
        self._read_as[scope, query] = (snapshot.version, found)
        return found

    def _find(
        self, query: str, words: Sequence[str], scope: Scope, snapshot: Snapshot
    ) -> dict[str, str]:
        dataset = snapshot.dataset
        within = Within(partial(snapshot.holds, scope), snapshot.count(scope))

        def ask(wanted: FullTextQuery, k: int) -> Addresses:
            return search_text(dataset, wanted, scope, k, within=within)[0]

        def read(wanted: FullTextQuery) -> list[str]:
            rows = ask(wanted, _PASSAGES).tolist()
            texts = dataset._take_rows(rows, columns=["indexed_text"]) if rows else None
            return texts["indexed_text"].to_pylist() if texts is not None else []

        missing = self._missing(words, scope, ask)[:_MOST_CORRECTIONS]
        others = corrected(query, dict.fromkeys(missing, ""))
        found = {word: _meant(word, others, ask, read) for word in missing}
        beyond = [word for word, other in found.items() if other is None]
        self._beyond_help |= {(scope, word): snapshot.version for word in beyond}
        return {word: other for word, other in found.items() if other is not None}

    def _missing(self, words: Sequence[str], scope: Scope, ask: _Asked) -> list[str]:
        """Return those of `words` that no passage holds, and remember the others."""
        if max(len(self._known), len(self._beyond_help)) > _REMEMBERED:
            self._known, self._beyond_help = set(), {}
        together = words_query(" ".join(words), operator=FullTextOperator.AND)
        missing: list[str] = []
        if not len(ask(together, 1)):
            missing = [word for word in words if not len(ask(words_query(word), 1))]
        self._known |= {(scope, word) for word in words if word not in missing}
        return missing


def _meant(
    word: str, others: str, ask: _Asked, read: Callable[[FullTextQuery], list[str]]
) -> str | None:
    """Return what `word` is read as beside the words `others`, or None."""
    passages = read(_beside(others, _one_away(word)))
    found = meant(word, passages, 1)
    if found is None and passages:
        # The index holds one with another ending, as English is analysed.
        found = next((each for each in exchanged(word) if len(ask(words_query(each), 1))), None)
    if found is None and len(word) >= TWO_FROM:
        found = meant(word, read(_beside(others, _near(word, 2))), 2)
    return found


def _one_away(word: str) -> FullTextQuery:
    if word.isascii():
        return words_query(" ".join(sorted(variants(word))))
    # Lance knows the letters of all languages, but takes two neighbours exchanged for two errors.
    turned = words_query(" ".join(exchanged(word)))
    return BooleanQuery([(Occur.SHOULD, _near(word, 1)), (Occur.SHOULD, turned)])


def _near(word: str, letters: int) -> FullTextQuery:
    # Lance compares what it is given with the stems in the index.
    stems = [token.text for token in lance.tokenize(word)] or [word]
    return words_query(stems[0], fuzziness=letters, prefix_length=1, max_expansions=_EXPANSIONS)


def _beside(others: str, wanted: FullTextQuery) -> FullTextQuery:
    """Return what finds passages of `wanted`, those first that hold `others` as well."""
    return BooleanQuery([(Occur.MUST, wanted), (Occur.SHOULD, words_query(others))])
