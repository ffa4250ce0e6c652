"""Retrieved once, fused many times: what both sides found for every query."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
from numpy.typing import NDArray

from eval.folders import replaced_folder
from eval.sweep.points import Types
from eval.sweep.query_lists import COLUMNS, QueryLists
from retrieval.chunk import Vectors
from retrieval.dense.snapshot import Snapshot
from retrieval.retrievers import Candidates

_ARRAYS = "candidates.npz"
_VECTORS = "vectors.npy"
_TEXTS = "texts.arrow"
_TEXT = "indexed_text"
FILES = (_ARRAYS, _VECTORS, _TEXTS)
Answers = tuple[Sequence[Candidates], Sequence[Candidates]]


# asyncio writes out the result of what it ran, which for these lists takes seconds.
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SharedLists:
    """The lists of all queries over one index.

    `types` are the sets of types of entities for which the queries have columns.
    `documents`, `vectors` and `texts` hold the document, the vector and the indexed text of
    every passage that was found for any query.
    """

    queries: Sequence[QueryLists]
    types: Sequence[Types]
    documents: Sequence[str]
    vectors: Vectors
    texts: pa.ChunkedArray

    @classmethod
    def of(
        cls,
        found: Mapping[str, Answers],
        types: Sequence[Types],
        snapshot: Snapshot,
        namespace: str,
    ) -> Self:
        """Gather what a searcher found for each query and set of types in one version.

        First with unknown words read as others, then without.
        """
        every = chain.from_iterable(found.values())
        together = sorted(set(_addresses(chain.from_iterable(every))))
        addresses = np.array(together, dtype=np.int64)
        places = {address: at for at, address in enumerate(together)}
        table = snapshot.dataset._take_rows(addresses.tolist(), columns=["doc_id", _TEXT])
        return cls(
            [QueryLists.of(query_id, *each, places) for query_id, each in found.items()],
            types,
            table["doc_id"].to_pylist(),
            snapshot.vectors((namespace,), addresses),
            table[_TEXT],
        )

    def place(self, types: Types) -> int | None:
        """Return the column of a set of types; None for the empty one."""
        return self.types.index(types) if types else None

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
            types = [tuple(each) for each in json.loads(str(arrays["types"]))]
        places = zip(names, [0, *ends], ends, strict=False)
        queries = [
            QueryLists(name, *(part[start:end] for part in parts)) for name, start, end in places
        ]
        texts = feather.read_table(str(folder / _TEXTS), memory_map=True)[_TEXT]
        return cls(queries, types, documents, np.load(folder / _VECTORS, mmap_mode="r"), texts)

    def _arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        for name in COLUMNS:
            yield name, np.concatenate([getattr(query, name) for query in self.queries])
        yield "ends", np.cumsum([len(query.rows) for query in self.queries])
        yield "names", np.array([query.query_id for query in self.queries])
        yield "documents", np.array(self.documents, dtype=str)
        yield "types", np.array(json.dumps(self.types))


def _addresses(found: Iterable[Candidates]) -> Iterator[int]:
    for each in found:
        yield from each.dense or ()
        yield from each.lexical or ()
