"""Which passages mention which entities, fragment by fragment of the chunks table.

The rows of a fragment never change, so what was found in it holds for all later versions
of the table too. Rows deleted since are left in: whoever asks knows which are alive.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import lance
import numpy as np
from numpy.typing import NDArray

from retrieval.corpus.filters import namespaces_predicate
from retrieval.dense.segment import Addresses
from retrieval.graph.linking import Linker, meant

_ROWS = 1_024

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Postings:
    """The mentions in one fragment: entity numbers and row addresses, ascending, in pairs.

    `deletions` is the number of rows that had been deleted when it was read.
    """

    entities: Numbers
    addresses: Addresses
    deletions: int

    def of(self, numbers: Numbers) -> list[Addresses]:
        """Return the ascending addresses of the rows that mention each of `numbers`."""
        first = np.searchsorted(self.entities, numbers, "left").tolist()
        last = np.searchsorted(self.entities, numbers, "right").tolist()
        return [self.addresses[begin:end] for begin, end in zip(first, last, strict=True)]


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
