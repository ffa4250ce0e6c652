"""Retrieved once, fused many times: what both sides found for every query."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
from numpy.typing import NDArray

from eval.folders import replaced_folder
from retrieval.chunk import Vectors
from retrieval.dense.snapshot import Snapshot
from retrieval.depths import Depths
from retrieval.ranking import rank
from retrieval.retrievers import Candidates

_ARRAYS = "candidates.npz"
_VECTORS = "vectors.npy"
_TEXTS = "texts.arrow"
_TEXT = "indexed_text"
FILES = (_ARRAYS, _VECTORS, _TEXTS)
COLUMNS = ("rows", "dense", "ranked", "lexical", "weights")
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class QueryLists:
    """What both sides found for one query, a row for each passage, in the corpus's order.

    `rows` are places in the table of all passages. `dense` are cosines, known for every
    passage; `ranked` tells which of them the dense side found itself. `lexical` are BM25
    scores, NaN where that side did not find the passage. `weights` are what naming
    entities of the query adds at a boost of 1, 0 for most; a passage that neither side
    found itself is there for that alone.
    """

    query_id: str
    rows: Rows
    dense: Floats
    ranked: NDArray[np.bool_]
    lexical: Floats
    weights: Floats

    def found(self) -> "QueryLists":
        """Return what is there where entities count for nothing."""
        own = self.ranked | ~np.isnan(self.lexical)
        return self if own.all() else self._kept(own)

    def cut(self, depths: Depths) -> "QueryLists":
        """Return what is found where each side fetches only so many; no entities may be there."""
        found = ~np.isnan(self.lexical)
        if self.ranked.sum() <= depths.dense and found.sum() <= depths.lexical:
            return self
        near = _first(np.where(self.ranked, self.dense, -np.inf), depths.dense) & self.ranked
        words = _first(np.where(found, self.lexical, -np.inf), depths.lexical) & found
        kept = near | words
        lexical = np.where(words, self.lexical, np.nan)
        return replace(self, ranked=near, lexical=lexical)._kept(kept)

    def _kept(self, rows: NDArray[np.bool_]) -> "QueryLists":
        parts = (getattr(self, name)[rows] for name in COLUMNS)
        return QueryLists(self.query_id, *parts)


# asyncio writes out the result of what it ran, which for these lists takes seconds.
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SharedLists:
    """The lists of all queries over one index.

    `documents`, `vectors` and `texts` hold the document, the vector and the indexed text of
    every passage that was found for any query.
    """

    queries: Sequence[QueryLists]
    documents: Sequence[str]
    vectors: Vectors
    texts: pa.ChunkedArray

    @classmethod
    def of(cls, found: Mapping[str, Candidates], snapshot: Snapshot, namespace: str) -> Self:
        """Gather what a searcher found for each query in one version of an index."""
        addresses = np.array(sorted(set().union(*map(_addresses, found.values()))), dtype=np.int64)
        table = snapshot.dataset._take_rows(addresses.tolist(), columns=["doc_id", _TEXT])
        return cls(
            [_lists(query_id, item, addresses) for query_id, item in found.items()],
            table["doc_id"].to_pylist(),
            snapshot.vectors((namespace,), addresses),
            table[_TEXT],
        )

    def texts_of(self, rows: Sequence[int]) -> list[str]:
        """Return the indexed texts of passages."""
        return list(self.texts.take(pa.array(rows)).to_pylist())

    def save(self, folder: Path) -> None:
        """Write everything into `folder`, which is there as a whole or not at all."""
        with replaced_folder(folder) as part:
            np.savez(part / _ARRAYS, allow_pickle=False, **dict(self._arrays()))
            np.save(part / _VECTORS, self.vectors)
            table = pa.table({_TEXT: self.texts})
            feather.write_feather(table, str(part / _TEXTS), compression="uncompressed")

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Read what `save` wrote; None where nothing is. Vectors and texts stay on disk."""
        if not folder.exists():
            return None
        with np.load(folder / _ARRAYS) as arrays:
            ends = arrays["ends"].tolist()
            parts = [arrays[name] for name in COLUMNS]
            names, documents = arrays["names"].tolist(), arrays["documents"].tolist()
        places = zip(names, [0, *ends], ends, strict=False)
        queries = [
            QueryLists(name, *(part[start:end] for part in parts)) for name, start, end in places
        ]
        texts = feather.read_table(str(folder / _TEXTS), memory_map=True)[_TEXT]
        return cls(queries, documents, np.load(folder / _VECTORS, mmap_mode="r"), texts)

    def _arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        for name in COLUMNS:
            yield name, np.concatenate([getattr(query, name) for query in self.queries])
        yield "ends", np.cumsum([len(query.rows) for query in self.queries])
        yield "names", np.array([query.query_id for query in self.queries])
        yield "documents", np.array(self.documents, dtype=str)


def _addresses(found: Candidates) -> set[int]:
    return {*(found.dense or ()), *(found.lexical or ())}


def _lists(query_id: str, found: Candidates, addresses: Rows) -> QueryLists:
    mine = sorted(_addresses(found))
    dense, lexical = found.dense or {}, found.lexical or {}
    weights = _weights(found)
    return QueryLists(
        query_id,
        np.searchsorted(addresses, mine),
        np.array([dense[address] for address in mine], dtype=np.float64),
        np.array([address in found.dense_ranked for address in mine], dtype=np.bool_),
        np.array([lexical.get(address, np.nan) for address in mine], dtype=np.float64),
        np.array([weights.get(address, 0.0) for address in mine], dtype=np.float64),
    )


def _weights(found: Candidates) -> dict[int, float]:
    """Return what entities add at a boost of 1, as the pipeline counts it."""
    boosts = rank(found, "convex", 0.5).boosted(1.0).boosts.values()
    weights: dict[int, float] = {}
    for added in boosts:
        for address, weight in added.items():
            weights[address] = weights.get(address, 0.0) + weight
    return weights


def _first(scores: Floats, count: int) -> NDArray[np.bool_]:
    """Return which rows hold the `count` highest scores; of equal ones the first rows."""
    chosen = np.zeros(len(scores), dtype=np.bool_)
    chosen[np.argsort(-scores, kind="stable")[:count]] = True
    return chosen
