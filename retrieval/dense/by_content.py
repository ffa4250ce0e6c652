"""Finding rows by what they hold, for engines that know passages by the hash of their content."""

from collections.abc import Iterable
from weakref import WeakKeyDictionary

import numpy as np

from retrieval.dense.clusters import RowNumbers
from retrieval.dense.segment import NO_ADDRESS, Addresses, Keys, Segment, Store

# Made at the first search that needs it; eight bytes a row.
_ORDERS: WeakKeyDictionary[Store, RowNumbers] = WeakKeyDictionary()


def key_of(content_hash: str) -> int:
    """Return the key, in the sense of `Store.keys`, of a hexadecimal hash."""
    return int(content_hash[:16], 16)


def addresses_holding(segments: Iterable[Segment], keys: Keys) -> Addresses:
    """Return the address of a row that is alive for each of `keys`, `NO_ADDRESS` for the others."""
    found = np.full(len(keys), NO_ADDRESS, np.int64)
    for segment in segments:
        order, held = _order(segment.store), segment.store.keys
        first = np.searchsorted(held, keys, "left", sorter=order)
        last = np.searchsorted(held, keys, "right", sorter=order)
        for position in np.flatnonzero((first < last) & (found == NO_ADDRESS)):
            rows = order[first[position] : last[position]]
            alive = rows if segment.alive is None else rows[segment.alive[rows]]
            if len(alive):
                found[position] = segment.addresses[alive[0]]
    return found


def _order(store: Store) -> RowNumbers:
    if (order := _ORDERS.get(store)) is None:
        order = _ORDERS[store] = np.argsort(store.keys, kind="stable")
    return order
