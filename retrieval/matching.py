"""Which rows pass a filter, remembered from one search to the next.

To test the metadata of every row costs seconds in a large corpus. The rows of a
fragment never change, so what was found in it holds for all later versions too, and
only new fragments are tested. Rows deleted since are left in: no index holds them.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

import lance
import numpy as np

from retrieval.corpus.filters import RowTest
from retrieval.dense.loading import addresses_of
from retrieval.dense.segment import Addresses
from retrieval.metadata_values import LEAST_ROWS, FragmentKey, MetadataValues, fragment_key

_MOST_BYTES = 64 * 2**20


@dataclass(slots=True)
class _Found:
    """The rows that pass one test, whole and by fragment, with the deletions then."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    version: int = 0
    rows: Addresses = field(default_factory=lambda: np.empty(0, np.int64))
    parts: dict[FragmentKey, tuple[int, Addresses]] = field(default_factory=dict)


class FilterCache:
    """Remembers the rows that passed the tests asked for last, within `most_bytes`.

    A test names its namespaces too, so nobody profits from what others asked. Files of
    `least_rows` or more are known by the values in them, which makes a new test cheap.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES, least_rows: int = LEAST_ROWS) -> None:
        self._most_bytes = most_bytes
        self._values = MetadataValues(least_rows)
        self._lock = threading.Lock()
        self._found: OrderedDict[RowTest, _Found] = OrderedDict()

    def rows(self, dataset: lance.LanceDataset, test: RowTest) -> Addresses:
        """Return the ascending addresses of the rows that pass; some may be deleted by now."""
        with self._lock:
            found = self._found.setdefault(test, _Found())
            self._found.move_to_end(test)
        # The other side of the same search waits here, and need not test again.
        with found.lock:
            if found.version != dataset.version:
                self._update(found, dataset, test)
            rows = found.rows
        self._forget()
        return rows

    def _update(self, found: _Found, dataset: lance.LanceDataset, test: RowTest) -> None:
        current = {fragment_key(part): part for part in dataset.get_fragments()}
        deletions = {key: int(part.metadata.num_deletions) for key, part in current.items()}
        # A restored version can have fewer, and rows that were not tested.
        known = {
            key: rows
            for key, (before, rows) in found.parts.items()
            if key in current and before <= deletions[key]
        }
        new = [part for key, part in current.items() if key not in known]
        tested = self._tested(dataset, test, new) if new else np.empty(0, np.int64)
        rows = np.sort(np.concatenate([tested, *known.values()]))
        found.parts = {
            key: (deletions[key], rows[slice(*np.searchsorted(rows, [within.start, within.stop]))])
            for key, part in current.items()
            if (within := addresses_of(part))
        }
        found.rows, found.version = rows, int(dataset.version)

    def _tested(
        self, dataset: lance.LanceDataset, test: RowTest, fragments: list[lance.LanceFragment]
    ) -> Addresses:
        found, left = self._values.rows(test, fragments)
        if len(found) and test.others:
            known = [part for part in fragments if part not in left]
            found = np.intersect1d(found, _test(dataset, test.plain, known))
        return np.concatenate([found, _test(dataset, test.predicate, left)]) if left else found

    def _forget(self) -> None:
        with self._lock:
            held = sum(found.rows.nbytes for found in self._found.values())
            while held > self._most_bytes and len(self._found) > 1:
                held -= self._found.popitem(last=False)[1].rows.nbytes


def _test(
    dataset: lance.LanceDataset, predicate: str, fragments: list[lance.LanceFragment]
) -> Addresses:
    table = dataset.scanner(
        columns=[], filter=predicate, with_row_address=True, fragments=fragments
    ).to_table()
    return np.asarray(table["_rowaddr"].to_numpy(), dtype=np.int64)
