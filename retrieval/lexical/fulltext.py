"""The lexical side: BM25 over the corpus's own full-text index."""

import lance
import numpy as np
from lance.query import MatchQuery

from retrieval.chunk import Vectors
from retrieval.corpus.filters import namespaces_predicate
from retrieval.dense.segment import Addresses

# So few rows can be named one by one inside the search.
_NAMED = 64
_FIRST_DEPTH = 65_536
_DEEPER = 8
_Found = tuple[Addresses, Vectors]


def search_text(
    dataset: lance.LanceDataset,
    query: str,
    namespaces: tuple[str, ...],
    k: int,
    allowed: Addresses | None = None,
) -> _Found:
    """Return the row addresses and BM25 scores of the `k` best passages, best first.

    A passage need hold only one of the words. The query is matched as words,
    whatever characters it holds: there is no query syntax. Only passages in
    `namespaces`, and at the addresses `allowed` where these are given, count among
    the `k`.
    """
    scope = namespaces_predicate(namespaces)
    if allowed is None:
        return _best(dataset, query, scope, k)
    if len(allowed) <= _NAMED:
        named = ", ".join(map(str, allowed.tolist())) or "NULL"
        return _best(dataset, query, f"{scope} AND _rowaddr IN ({named})", k)
    return _best_allowed(dataset, query, scope, k, allowed)


def _best_allowed(
    dataset: lance.LanceDataset, query: str, scope: str, k: int, allowed: Addresses
) -> _Found:
    """Look at more and more passages until `k` of them are allowed, or there are no more."""
    rows = dataset.count_rows()
    depth = min(_FIRST_DEPTH, 2 * k * -(-rows // len(allowed)))
    while True:
        addresses, scores = _best(dataset, query, scope, depth)
        chosen = np.flatnonzero(np.isin(addresses, allowed))[:k]
        if len(chosen) == k or len(addresses) < depth:
            return addresses[chosen], scores[chosen]
        depth = min(depth * _DEEPER, rows + 1)


def _best(dataset: lance.LanceDataset, query: str, predicate: str, k: int) -> _Found:
    table = dataset.scanner(
        columns=["_rowid", "_score"],
        full_text_query=MatchQuery(query, "indexed_text"),
        filter=predicate,
        prefilter=True,
        limit=k,
    ).to_table()
    addresses = table["_rowid"].to_numpy().astype(np.int64)
    scores = table["_score"].to_numpy().astype(np.float32)
    best = np.lexsort((addresses, -scores))
    return addresses[best], scores[best]
