"""The lexical side: BM25 over the corpus's own full-text index.

The index covers all namespaces. To keep a search inside some of them, Lance makes a
mask of their rows, which costs time in proportion to these. Where they are a large
share of all rows, it is cheaper to look at more of the best passages and to keep
those that are wanted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lance
import numpy as np
from lance.query import FullTextQuery, MatchQuery
from numpy.typing import NDArray

from retrieval.chunk import Vectors
from retrieval.corpus.filters import namespaces_predicate
from retrieval.dense.segment import Addresses

Wanted = Callable[[Addresses], NDArray[np.bool_]]
"""Says which of some addresses a search wants."""

# So few rows can be named one by one inside the search.
_NAMED = 64
_LARGE_SHARE = 0.25
_FIRST_DEPTH = 65_536
_DEEPER = 8
_Found = tuple[Addresses, Vectors]


@dataclass(frozen=True, slots=True)
class Within:
    """What is known of some namespaces: which addresses lie there, and how many rows."""

    holds: Wanted
    rows: int


def search_text(
    dataset: lance.LanceDataset,
    query: str | FullTextQuery,
    namespaces: tuple[str, ...],
    k: int,
    allowed: Addresses | None = None,
    within: Within | None = None,
) -> _Found:
    """Return the row addresses and BM25 scores of the `k` best passages, best first.

    A passage need hold only one of the words. The query is matched as words,
    whatever characters it holds: there is no query syntax, unless it was put together
    as Lance has them, of `words_query` and others. Only passages in
    `namespaces` count among the `k`. If `allowed` is given, only those at its
    addresses count; they are ascending, and all in `namespaces`. `within` tells of
    `namespaces` what spares a mask where they are large.
    """
    query = words_query(query) if isinstance(query, str) else query
    scope = namespaces_predicate(namespaces)
    if allowed is not None and len(allowed) > _NAMED:
        return _best_wanted(dataset, query, k, lambda found: _among(found, allowed), len(allowed))
    if allowed is not None:
        named = ", ".join(map(str, allowed.tolist())) or "NULL"
        return _best(dataset, query, f"{scope} AND _rowaddr IN ({named})", k)
    if within is not None and within.rows >= _LARGE_SHARE * dataset.count_rows():
        return _best_wanted(dataset, query, k, within.holds, within.rows)
    return _best(dataset, query, scope, k)


def words_query(words: str, **options: Any) -> MatchQuery:
    """Return what finds passages that hold one of `words`; `options` are those of Lance."""
    return MatchQuery(words, "indexed_text", **options)


def _best_wanted(
    dataset: lance.LanceDataset, query: FullTextQuery, k: int, wanted: Wanted, rows: int
) -> _Found:
    """Look at more and more passages until `k` of them are wanted, or there are no more."""
    total = dataset.count_rows()
    depth = k if rows >= total else min(_FIRST_DEPTH, 2 * k * -(-total // max(rows, 1)))
    while True:
        addresses, scores = _best(dataset, query, None, depth)
        chosen = np.flatnonzero(wanted(addresses))[:k]
        if len(chosen) == k or len(addresses) < depth:
            return addresses[chosen], scores[chosen]
        depth = min(depth * _DEEPER, total + 1)


def _among(addresses: Addresses, allowed: Addresses) -> NDArray[np.bool_]:
    at = np.minimum(np.searchsorted(allowed, addresses), len(allowed) - 1)
    among: NDArray[np.bool_] = allowed[at] == addresses
    return among


def _best(
    dataset: lance.LanceDataset, query: FullTextQuery, predicate: str | None, k: int
) -> _Found:
    table = dataset.scanner(
        columns=["_rowid", "_score"],
        full_text_query=query,
        filter=predicate,
        prefilter=predicate is not None,
        limit=k,
    ).to_table()
    addresses = table["_rowid"].to_numpy().astype(np.int64)
    scores = table["_score"].to_numpy().astype(np.float32)
    best = np.lexsort((addresses, -scores))
    return addresses[best], scores[best]
