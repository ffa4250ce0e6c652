"""What hits are made of, kept for the passages that were found last.

Good passages are found again and again, and to read ten of them takes 1.7 ms of CPU and more in
Lance's own threads.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from retrieval.corpus.records import read_hit_rows
from retrieval.dense.snapshot import Snapshot

HitRow = Mapping[str, Any]
ReadRows = Callable[[Sequence[int]], Sequence[HitRow]]
"""Returns the `HIT_COLUMNS` of the rows at some addresses, in their order."""

_MOST_BYTES = 32 * 2**20
# Of a row without its text and metadata, in memory.
_ROW_BYTES = 2_048
# Where it stands, and the key of its content: after a restoration other rows may stand there.
_Name = tuple[int, int]


class HitRows:
    """Reads rows, and remembers those read last within about `most_bytes`; safe from any thread."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._bytes = 0
        self._rows: OrderedDict[_Name, HitRow] = OrderedDict()

    def read(
        self, snapshot: Snapshot, namespaces: Sequence[str], addresses: Sequence[int]
    ) -> list[HitRow]:
        """Return the rows of `snapshot` at `addresses`, all in `namespaces`, in their order."""
        keys = snapshot.keys(namespaces, np.array(addresses, np.int64)).tolist()
        names = list(zip(addresses, keys, strict=True))
        found = self._known(names)
        missing = [name for name in names if name not in found]
        if missing:
            read = read_hit_rows(snapshot.dataset, [address for address, _ in missing])
            found |= dict(zip(missing, read, strict=True))
            self._keep({name: found[name] for name in missing if name[1]})
        return [found[name] for name in names]

    def _known(self, names: Sequence[_Name]) -> dict[_Name, HitRow]:
        with self._lock:
            found = {name: self._rows[name] for name in names if name in self._rows}
            for name in found:
                self._rows.move_to_end(name)
        return found

    def _keep(self, rows: Mapping[_Name, HitRow]) -> None:
        with self._lock:
            for name, row in rows.items():
                if name not in self._rows:
                    self._bytes += _size(row)
                    self._rows[name] = row
            while self._bytes > self._most_bytes:
                self._bytes -= _size(self._rows.popitem(last=False)[1])


def _size(row: HitRow) -> int:
    # A character takes one to four bytes; two is near the truth for most texts.
    return _ROW_BYTES + 2 * (len(row["indexed_text"]) + len(row["metadata"] or ""))
