"""The distinct values at the paths that filters on metadata name, and which rows have them.

To take one value out of the JSON of a row takes a microsecond, and each comparison as much
again. So the value at a path is taken out of each row once. A filter is then tested on the
distinct values alone, by the table store itself, and rows look up what came out.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce

import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retrieval.corpus.filters import PathTest, RowTest
from retrieval.dense.loading import file_key
from retrieval.dense.segment import Addresses

FragmentKey = tuple[int, str]
Codes = NDArray[np.unsignedinteger]
LEAST_ROWS = 4_096
"""Rows of a file that is worth it; to test a smaller one takes some milliseconds."""
_ROWS_PER_VALUE = 2
_MOST_PATHS = 8
_MOST_TABLES = 8
_SPARE_PARTS = 8


def fragment_key(fragment: lance.LanceFragment) -> FragmentKey:
    """Return what names a fragment and its place for ever."""
    return int(fragment.fragment_id), file_key(fragment)


class _Values:
    """Distinct values, numbered, in tables of one column that can be filtered."""

    def __init__(self, column: str, type_: pa.DataType) -> None:
        self._column = column
        self._type = type_
        self._numbers: dict[str, int] = {}
        self._tables: list[tuple[int, lance.LanceDataset]] = []

    def __len__(self) -> int:
        return len(self._numbers)

    def codes(self, values: Sequence[str], indices: NDArray[np.integer]) -> Codes:
        """Return the numbers of `values` at `indices`, as small as they can be."""
        numbers = self._numbers
        known = np.array([numbers.setdefault(value, len(numbers)) for value in values], np.uint32)
        codes: Codes = known.astype(np.min_scalar_type(len(numbers)))[indices]
        return codes

    def passing(self, predicate: str) -> NDArray[np.bool_]:
        """Return for each number whether its value passes."""
        self._store()
        passing = np.zeros(len(self._numbers), np.bool_)
        for start, table in self._tables:
            found = table.scanner(columns=[], filter=predicate, with_row_address=True).to_table()
            passing[start + found["_rowaddr"].to_numpy().astype(np.int64)] = True
        return passing

    def _store(self) -> None:
        """Write the values that have come since the last time into a table of their own."""
        held = sum(table.count_rows() for _, table in self._tables)
        if held == len(self._numbers):
            return
        if len(self._tables) == _MOST_TABLES:
            held, self._tables = 0, []
        new = pa.array(list(self._numbers)[held:], self._type)
        table = lance.write_dataset(pa.table({self._column: new}), f"memory://{self._column}")
        self._tables.append((held, table))


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one fragment by the numbers of their values; none where most values differ.

    `deletions` are those when it was read, and `size` is how many rows it had then.
    """

    deletions: int
    size: int
    addresses: Addresses = field(default_factory=lambda: np.empty(0, np.int64))
    namespaces: Codes = field(default_factory=lambda: np.empty(0, np.uint8))
    values: Codes = field(default_factory=lambda: np.empty(0, np.uint8))


class _Path:
    """The values at one path of the metadata of large fragments."""

    def __init__(self, keys: Sequence[str], expression: str) -> None:
        self._keys = keys
        self._columns = {"namespace": "namespace", "value": expression}
        self._clear()

    def rows(
        self, namespaces: str, predicate: str, fragments: Sequence[lance.LanceFragment]
    ) -> tuple[Addresses, set[FragmentKey]]:
        """Return the ascending rows that pass, and the fragments whose rows are known."""
        self._forget(len(fragments))
        parts = {fragment_key(fragment): self._part(fragment) for fragment in fragments}
        known = {key: part for key, part in sorted(parts.items()) if len(part.addresses)}
        if not known:
            return np.empty(0, np.int64), set()
        inside, passing = self._namespaces.passing(namespaces), self._values.passing(predicate)
        found = [
            part.addresses[inside[part.namespaces] & passing[part.values]]
            for part in known.values()
        ]
        return np.concatenate(found), set(known)

    def _part(self, fragment: lance.LanceFragment) -> _Part:
        key, deletions = fragment_key(fragment), int(fragment.metadata.num_deletions)
        part = self._parts.get(key)
        # A restored version can have fewer deletions, and rows that were not read.
        if part is None or part.deletions > deletions:
            part = self._parts[key] = self._read(fragment, deletions)
        self._parts.move_to_end(key)
        return part

    def _read(self, fragment: lance.LanceFragment, deletions: int) -> _Part:
        rows = fragment.scanner(columns=self._columns, with_row_address=True).to_table()
        values = rows["value"].combine_chunks().dictionary_encode(null_encoding="encode")
        if len(values.dictionary) * _ROWS_PER_VALUE > len(values):
            return _Part(deletions, len(values))
        namespaces = rows["namespace"].combine_chunks().dictionary_encode()
        texts = [self._metadata(text) for text in values.dictionary.to_pylist()]
        return _Part(
            deletions,
            len(values),
            rows["_rowaddr"].to_numpy().astype(np.int64),
            self._namespaces.codes(
                namespaces.dictionary.to_pylist(), namespaces.indices.to_numpy()
            ),
            self._values.codes(texts, values.indices.to_numpy()),
        )

    def _metadata(self, value: str | None) -> str:
        """Return metadata that holds nothing but `value`, as JSON; None: nothing at all."""
        if value is None:
            return "{}"
        opened = "".join(f"{{{json.dumps(key)}:" for key in self._keys)
        return f"{opened}{value}{'}' * len(self._keys)}"

    def _forget(self, parts: int) -> None:
        """Keep twice as many parts; begin anew where values outnumber the rows that had them."""
        while len(self._parts) > 2 * parts + _SPARE_PARTS:
            self._parts.popitem(last=False)
        if len(self._values) > sum(part.size for part in self._parts.values()):
            self._clear()

    def _clear(self) -> None:
        self._parts: OrderedDict[FragmentKey, _Part] = OrderedDict()
        self._namespaces = _Values("namespace", pa.string())
        self._values = _Values("metadata", pa.json_())


class MetadataValues:
    """Knows the values at the paths that filters asked for last, in fragments of `least_rows`."""

    def __init__(self, least_rows: int = LEAST_ROWS) -> None:
        self._least_rows = least_rows
        self._lock = threading.Lock()
        self._paths: OrderedDict[str, _Path] = OrderedDict()

    def rows(
        self, test: RowTest, fragments: Sequence[lance.LanceFragment]
    ) -> tuple[Addresses, list[lance.LanceFragment]]:
        """Return which rows of `fragments` pass the namespaces and the metadata of `test`.

        And those fragments that are small, or whose values are many: of these nothing is known.
        """
        large = [part for part in fragments if part.metadata.num_rows >= self._least_rows]
        if not test.metadata or not large:
            return np.empty(0, np.int64), list(fragments)
        with self._lock:
            answers = list(self._answers(test, large))
        found = reduce(_common, (rows for rows, _ in answers))
        known = set.intersection(*(keys for _, keys in answers))
        return found, [each for each in fragments if fragment_key(each) not in known]

    def _answers(
        self, test: RowTest, fragments: Sequence[lance.LanceFragment]
    ) -> Iterator[tuple[Addresses, set[FragmentKey]]]:
        for part in test.metadata:
            yield self._path(part).rows(test.namespaces, part.predicate, fragments)

    def _path(self, test: PathTest) -> _Path:
        path = self._paths.setdefault(test.value, _Path(test.keys, test.value))
        self._paths.move_to_end(test.value)
        if len(self._paths) > _MOST_PATHS:
            self._paths.popitem(last=False)
        return path


def _common(one: Addresses, other: Addresses) -> Addresses:
    return np.intersect1d(one, other, assume_unique=True)
