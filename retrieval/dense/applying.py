"""From the segments of one version of the table to those of a newer one.

The table is made of immutable fragments with lists of deleted rows. A new version
costs the reading of its new fragments and new lists. Fragments that were only
written anew, as compaction does, cost no vectors: their rows are known by the hash
of their content, and only get new addresses.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

import lance
import numpy as np

from retrieval.chunk import Vectors
from retrieval.dense.holding import EVERYTHING, Holding
from retrieval.dense.loading import (
    Rows,
    addresses_of,
    file_key,
    live_addresses,
    read_keys,
    read_rows,
    read_vectors,
)
from retrieval.dense.reuse import Matches, match
from retrieval.dense.segment import Addresses, Segment
from retrieval.dense.snapshot import FragmentState, Segments

_LOG = logging.getLogger(__name__)
_TAKEN = 4_096
_CHECKED = 64
# Rows of a segment that is loaded in one piece, and is there three times for a moment.
_PIECE = 32_768
Fragments = Mapping[str, FragmentState]


class Applying:
    """The work of one refresh; `namespaces` and `changed` are its results.

    `before` is the version of the table that the segments show, where they show one.
    """

    def __init__(
        self,
        dataset: lance.LanceDataset,
        segments: Segments,
        holding: Holding = EVERYTHING,
        before: lance.LanceDataset | None = None,
    ) -> None:
        self.namespaces = {name: list(parts) for name, parts in segments.items()}
        self.changed: set[str] = set()
        self._dataset = dataset
        self._holding = holding
        self._before = before
        self._waiting: dict[str, list[tuple[Rows, Vectors]]] = {}

    def apply(self, known: Fragments, reuse: bool) -> Fragments:
        """Bring the segments from the fragments `known` to the dataset's; return these.

        `reuse` says that rows without a place may turn up in new fragments.
        """
        current = {file_key(part): part for part in self._dataset.get_fragments()}
        vanished = [known[key] for key in known.keys() - current.keys()]
        self._drop([state.addresses for state in vanished])
        new = []
        for key, fragment in current.items():
            if (state := known.get(key)) is None:
                new.append(fragment)
            elif state.deletions != str(fragment.deletion_file()):
                new += self._delete(fragment)
        self._load(new, reuse or bool(vanished))
        return {
            key: FragmentState(addresses_of(part), str(part.deletion_file()))
            for key, part in current.items()
        }

    def _delete(self, fragment: lance.LanceFragment) -> list[lance.LanceFragment]:
        """Apply the deletions of `fragment`; return it if it has to be loaded again."""
        within, alive = addresses_of(fragment), live_addresses(fragment)
        self._replace(lambda part: part.keep(alive, within) if part.count(within) else part)
        if not self._came_back(fragment, within, alive):
            return []
        # A restored version can bring rows back that no segment holds any more.
        self._drop([within])
        return [fragment]

    def _came_back(self, fragment: lance.LanceFragment, within: slice, alive: Addresses) -> bool:
        if self._holding.share is None:
            held = sum(part.count(within) for parts in self.namespaces.values() for part in parts)
            return held != len(alive)
        # How many of them belong to a share only their ids would tell.
        was = self._was(file_key(fragment))
        if was is None:
            return True
        try:
            return not np.isin(alive, live_addresses(was), assume_unique=True).all()
        except (OSError, ValueError):
            # The version of before has been tidied away.
            return True

    def _was(self, key: str) -> lance.LanceFragment | None:
        fragments = self._before.get_fragments() if self._before else []
        return next((part for part in fragments if file_key(part) == key), None)

    def _drop(self, ranges: Sequence[slice]) -> None:
        if ranges:
            self._replace(lambda part: part.without(ranges))

    def _replace(self, change: Callable[[Segment], Segment]) -> None:
        for name, parts in self.namespaces.items():
            for at, part in enumerate(parts):
                if (after := change(part)) is not part:
                    parts[at] = after
                    self.changed.add(name)

    def _load(self, fragments: Sequence[lance.LanceFragment], reuse: bool) -> None:
        if reuse and fragments:
            self._reuse(fragments)
        else:
            self._scan(fragments, None)
        for name in list(self._waiting):
            self._add_segment(name)

    def _reuse(self, fragments: Sequence[lance.LanceFragment]) -> None:
        found: dict[str, list[Rows]] = {}
        for fragment in fragments:
            for name, rows in read_keys(fragment, self._holding):
                found.setdefault(name, []).append(rows)
        every = {name: Rows.concatenate(parts) for name, parts in found.items()}
        missing = {name: self._revive(name, rows) for name, rows in every.items()}
        left = sum(len(rows.addresses) for rows in missing.values())
        if 2 * left > sum(len(rows.addresses) for rows in every.values()):
            wanted = np.concatenate([rows.addresses for rows in missing.values()])
            self._scan(fragments, np.sort(wanted))
        else:
            self._take(missing)

    def _revive(self, name: str, rows: Rows) -> Rows:
        """Give rows that are here already their new addresses; return the other ones."""
        parts = self.namespaces.get(name, [])
        matches = match(parts, rows.keys)
        if not self._same_vectors(parts, rows, matches):
            _LOG.warning("vectors of %s were written anew; they are read again", name)
            return rows
        for number, part in enumerate(parts):
            mine = matches.segment == number
            if mine.any():
                at = rows.addresses[matches.positions[mine]]
                parts[number] = part.revive(matches.row[mine], at)
                self.changed.add(name)
        return rows.take(np.delete(np.arange(len(rows.addresses)), matches.positions))

    def _same_vectors(self, parts: Sequence[Segment], rows: Rows, matches: Matches) -> bool:
        if not len(matches.row):
            return True
        chosen = np.unique(np.linspace(0, len(matches.row) - 1, _CHECKED).astype(np.int64))
        sample = matches.take(chosen)
        stored = read_vectors(self._dataset, rows.addresses[sample.positions], self._holding)
        return np.array_equal(sample.vectors(parts), stored)

    def _scan(self, fragments: Sequence[lance.LanceFragment], wanted: Addresses | None) -> None:
        for fragment in fragments:
            for name, rows, vectors in read_rows(fragment, self._holding):
                if wanted is None:
                    self._add(name, rows, vectors)
                    continue
                at = np.minimum(np.searchsorted(wanted, rows.addresses), len(wanted) - 1)
                mine = np.flatnonzero(wanted[at] == rows.addresses)
                if len(mine):
                    self._add(name, rows.take(mine), vectors[mine])

    def _take(self, missing: Mapping[str, Rows]) -> None:
        for name, rows in missing.items():
            for at in range(0, len(rows.addresses), _TAKEN):
                part = rows.take(slice(at, at + _TAKEN))
                self._add(name, part, read_vectors(self._dataset, part.addresses, self._holding))

    def _add(self, name: str, rows: Rows, vectors: Vectors) -> None:
        waiting = self._waiting.setdefault(name, [])
        waiting.append((rows, vectors))
        if sum(len(part.addresses) for part, _ in waiting) >= _PIECE:
            self._add_segment(name)

    def _add_segment(self, name: str) -> None:
        waiting = self._waiting.pop(name)
        rows = Rows.concatenate([part for part, _ in waiting])
        vectors = np.concatenate([part for _, part in waiting])
        segment = Segment.build(rows.addresses, vectors, rows.keys)
        self.namespaces.setdefault(name, []).append(segment)
        self.changed.add(name)
