"""Which passages mention which entities, fragment by fragment of the chunks table.

The rows of a fragment never change, so what was found in it holds for all later versions
of the table too. Rows deleted since are left in: whoever asks knows which are alive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import lance
import numpy as np
from numpy.typing import NDArray

from retrieval.corpus.filters import namespaces_predicate
from retrieval.dense.segment import Addresses
from retrieval.graph.linking import Linker, meant

_ROWS = 1_024

Numbers = NDArray[np.int64]
_NO_ROWS: Addresses = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Postings:
    """The mentions in one fragment: entity numbers and row addresses, ascending, in pairs.

    `deletions` is the number of rows that had been deleted when it was read.
    """

    entities: Numbers
    addresses: Addresses
    deletions: int


class Mentioning:
    """The rows in several fragments that mention each of some entities, by their position.

    Counting them reads none of their addresses.
    """

    def __init__(self, fragments: Sequence[Postings], numbers: Sequence[int]) -> None:
        wanted = np.array(numbers, np.int64)
        shape = len(fragments), len(numbers)
        self._fragments = fragments
        self._first, self._last = np.empty(shape, np.int64), np.empty(shape, np.int64)
        for at, postings in enumerate(fragments):
            self._first[at] = postings.entities.searchsorted(wanted, "left")
            self._last[at] = postings.entities.searchsorted(wanted, "right")

    def counts(self) -> list[int]:
        """Return how many rows mention each of the entities."""
        counts: list[int] = (self._last - self._first).sum(axis=0).tolist()
        return counts

    def rows(self, position: int) -> Addresses:
        """Return the ascending addresses of the rows that mention one of the entities."""
        starts, ends = self._first[:, position].tolist(), self._last[:, position].tolist()
        parts = [
            postings.addresses[first:last]
            for postings, first, last in zip(self._fragments, starts, ends, strict=True)
            if first < last
        ]
        # The addresses of fragments do not overlap, so these ascend throughout.
        parts.sort(key=lambda part: int(part[0]))
        return parts[0] if len(parts) == 1 else np.concatenate([_NO_ROWS, *parts])


def read_postings(fragment: lance.LanceFragment, linkers: Mapping[str, Linker]) -> Postings:
    """Link every passage of `fragment`, each with the linker of its namespace."""
    numbers: list[int] = []
    addresses: list[int] = []
    scanner = fragment.scanner(
        columns=["namespace", "indexed_text"],
        filter=namespaces_predicate(linkers),
        with_row_address=True,
        batch_size=_ROWS,
    )
    for batch in scanner.to_batches():
        columns = (batch[name].to_pylist() for name in ("namespace", "indexed_text", "_rowaddr"))
        for namespace, text, address in zip(*columns, strict=True):
            found = meant(linkers[namespace].link(text or ""))
            numbers += found
            addresses += [address] * len(found)
    entities, rows = np.array(numbers, np.int64), np.array(addresses, np.int64)
    order = np.lexsort((rows, entities))
    return Postings(entities[order], rows[order], int(fragment.metadata.num_deletions))
