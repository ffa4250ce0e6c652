"""What changed between two versions of a table.

Tables are made of immutable fragments with lists of deleted rows, so only fragments that
are new, gone, or have another list are looked at. Rows that were only moved, as
compaction does, are no change.
"""

from dataclasses import dataclass

import lance
import numpy as np

from retrieval.dense.loading import file_key, live_addresses
from retrieval.projection.base import Key, Table
from retrieval.projection.rows import Addresses, keys_of, marks_of, scan

_EMPTY = np.empty(0, np.int64)
_Fragments = list[lance.LanceFragment]


@dataclass(frozen=True, slots=True)
class Difference:
    """The addresses of rows to put, in the newer version, and the keys to remove."""

    put: Addresses
    remove: list[Key]


def difference(table: Table, before: lance.LanceDataset, after: lance.LanceDataset) -> Difference:
    """Return what makes `after` of `before`."""
    old = {file_key(part): part for part in before.get_fragments()}
    new = {file_key(part): part for part in after.get_fragments()}
    both = [(old[key], new[key]) for key in old.keys() & new.keys()]
    changed = [pair for pair in both if _deletions(pair[0]) != _deletions(pair[1])]
    gone = _marks(table, before, [old[key] for key in old.keys() - new.keys()])
    fresh, addresses = _rows(table, after, [new[key] for key in new.keys() - old.keys()])
    for was, now in changed:
        lost, found = _moved(was, now)
        gone |= dict(_at(table, before, lost))
        fresh += _at(table, after, found)
        addresses = np.concatenate([addresses, found])
    differs = np.array([gone.get(key) != mark for key, mark in fresh], np.bool_)
    kept = {key for key, _ in fresh}
    return Difference(addresses[differs], [key for key in gone if key not in kept])


def _deletions(fragment: lance.LanceFragment) -> str:
    return str(fragment.deletion_file())


def _moved(was: lance.LanceFragment, now: lance.LanceFragment) -> tuple[Addresses, Addresses]:
    """Return the addresses that only `was` has alive, and those that only `now` has."""
    before, after = live_addresses(was), live_addresses(now)
    # A file can stand in the table under another number.
    shift = (int(now.fragment_id) - int(was.fragment_id)) << 32
    moved = before + shift
    return np.setdiff1d(moved, after) - shift, np.setdiff1d(after, moved)


def _marks(table: Table, dataset: lance.LanceDataset, parts: _Fragments) -> dict[Key, str]:
    return dict(_rows(table, dataset, parts)[0])


def _rows(
    table: Table, dataset: lance.LanceDataset, parts: _Fragments
) -> tuple[list[tuple[Key, str]], Addresses]:
    items: list[tuple[Key, str]] = []
    addresses = [_EMPTY]
    if parts:
        for keys, marks, found in scan(dataset, table, parts):
            items += zip(keys, marks, strict=True)
            addresses.append(found)
    return items, np.concatenate(addresses)


def _at(table: Table, dataset: lance.LanceDataset, addresses: Addresses) -> list[tuple[Key, str]]:
    if not len(addresses):
        return []
    rows = dataset._take_rows(addresses.tolist(), columns=[*table.keys, *table.marks])
    return list(zip(keys_of(rows, table), marks_of(rows, table), strict=True))
