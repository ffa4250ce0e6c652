"""Where an engine and a table of the corpus differ, item by item."""

from dataclasses import dataclass

import lance
import numpy as np

from retrieval.projection.base import Generation, Key, Table
from retrieval.projection.difference import Difference
from retrieval.projection.rows import Addresses, Hashes, hashed, scan

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an engine lacks, holds otherwise, and holds beside a table of `rows` rows.

    `absent` and `different` are addresses of rows, `superfluous` keys.
    """

    table: Table
    rows: int
    absent: Addresses
    different: Addresses
    superfluous: list[Key]

    @property
    def equal(self) -> bool:
        """Whether the engine holds exactly the table's rows."""
        return not (len(self.absent) or len(self.different) or self.superfluous)

    @property
    def mending(self) -> Difference:
        """What has to be done for them to be equal."""
        return Difference(np.concatenate([self.absent, self.different]), self.superfluous)

    def __str__(self) -> str:
        """Say what differs, in one line."""
        if self.equal:
            return f"{self.rows} {self.table.name}, all equal"
        some = ", ".join("/".join(key) for key in self.superfluous[:_SHOWN])
        return (
            f"of {self.rows} {self.table.name} {len(self.absent)} missing, "
            f"{len(self.different)} different, and {len(self.superfluous)} that the corpus does "
            f"not have{f' ({some})' if some else ''}"
        )


def compare(generation: Generation, table: Table, dataset: lance.LanceDataset) -> Comparison:
    """Compare everything that `generation` holds of `table` with `dataset`, a version of it."""
    keys, marks, addresses = _corpus_side(table, dataset)
    seen = np.zeros(len(keys), np.bool_)
    same = np.zeros(len(keys), np.bool_)
    superfluous: list[Key] = []
    for page in generation.items(table.name):
        held = hashed([key for key, _ in page])
        at = np.minimum(np.searchsorted(keys, held), max(len(keys) - 1, 0))
        known = keys[at] == held if len(keys) else np.zeros(len(held), np.bool_)
        superfluous += [page[number][0] for number in np.flatnonzero(~known).tolist()]
        rows = at[known]
        seen[rows] = True
        same[rows] = marks[rows] == hashed([mark for _, mark in page])[known]
    return Comparison(table, len(keys), addresses[~seen], addresses[seen & ~same], superfluous)


def _corpus_side(table: Table, dataset: lance.LanceDataset) -> tuple[Hashes, Hashes, Addresses]:
    """Return hashes of keys and marks with the addresses, by ascending hash of the key."""
    parts = [
        (hashed(keys), hashed(marks), addresses) for keys, marks, addresses in scan(dataset, table)
    ]
    if not parts:
        return np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.int64)
    keys, marks, addresses = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(keys)
    return keys[order], marks[order], addresses[order]
