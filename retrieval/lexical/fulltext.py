"""The lexical side: BM25 over the corpus's own full-text index."""

import lance
import numpy as np
from lance.query import MatchQuery

from retrieval.chunk import Vectors
from retrieval.corpus.filters import namespaces_predicate
from retrieval.dense.segment import Addresses


def search_text(
    dataset: lance.LanceDataset,
    query: str,
    namespaces: tuple[str, ...],
    k: int,
    predicate: str | None = None,
) -> tuple[Addresses, Vectors]:
    """Return the row addresses and BM25 scores of the `k` best passages, best first.

    A passage need hold only one of the words. The query is matched as words,
    whatever characters it holds: there is no query syntax. Namespaces and
    `predicate` are applied before the search.
    """
    scope = namespaces_predicate(namespaces)
    table = dataset.scanner(
        columns=["_rowid", "_score"],
        full_text_query=MatchQuery(query, "indexed_text"),
        filter=f"{scope} AND ({predicate})" if predicate else scope,
        prefilter=True,
        limit=k,
    ).to_table()
    addresses = table["_rowid"].to_numpy().astype(np.int64)
    scores = table["_score"].to_numpy().astype(np.float32)
    best = np.lexsort((addresses, -scores))
    return addresses[best], scores[best]
