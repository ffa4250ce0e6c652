"""Pages of rows in the order of their keys, without sorting all keys for each page.

The table store reads no index in order, but it finds a range of ids through one. A sample
of the ids tells about how wide a range has to be for a page. If it was too narrow the next
one is wider, so a bad guess costs time and never a row. Where the sample says that few rows
are in the namespaces or have the status, these are found through the indexes of both and sorted.
"""

import heapq
import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import lance
import pyarrow as pa
import pyarrow.compute as pc

from retrieval.corpus.changes import DocumentKey
from retrieval.corpus.filters import namespaces_predicate, quote

# Read at once for a page of a hundred; what is between two ids of the sample is read as a whole.
_ROWS_PER_ID = 64
_MOST_IDS = 65_536
# To sort the keys of fewer rows takes no longer than to look for ranges.
_LARGE = 10_000
_WIDER = 4
# Rows found through an index are read one by one, which takes twenty times as long.
_WIDEST = 0.01
_RAREST = 0.01
_CHANGED = 1.25
_KEYS = ["namespace", "doc_id"]
_SAMPLED = [*_KEYS, "status"]

Place = tuple[str, str | None]
"""A namespace, and an id behind which rows are wanted; None: all of them."""


@dataclass(frozen=True, slots=True)
class Found:
    """The key of a row and its address."""

    key: DocumentKey
    address: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows in some namespaces, None being all, behind a place, that meet a predicate.

    `status` is the one that the predicate asks for, if it asks for one.
    """

    namespaces: Sequence[str] | None
    predicate: str
    after: Place | None = None
    status: str | None = None

    def anywhere(self) -> str:
        """Return the predicate of all of it, and of what lies before the place."""
        if self.namespaces is None:
            return self.predicate
        among = namespaces_predicate(self.namespaces) if self.namespaces else "false"
        return f"{self.predicate} AND {among}"

    def is_behind(self, row: Found) -> bool:
        """Say whether a row lies behind the place."""
        if self.after is None:
            return True
        namespace, doc_id = self.after
        if row.key[0] != namespace:
            return row.key[0] > namespace
        return doc_id is None or row.key[1] > doc_id

    def whole(self) -> str:
        """Return the predicate of all of it."""
        parts = [self.anywhere()]
        if self.after is not None:
            name = quote(self.after[0])
            parts.append(f"(namespace > {name} OR (namespace = {name}{_behind(self.after[1])}))")
        return " AND ".join(parts)


@dataclass(slots=True)
class Sample:
    """Keys of some rows of a table, drawn by chance when it had so many `rows`."""

    rows: int = 0
    ids: list[str] = field(default_factory=list)
    shares: dict[str, float] = field(default_factory=dict)
    statuses: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, dataset: lance.LanceDataset, rows: int) -> "Sample":
        """Draw a sample."""
        table = dataset.to_table(columns=_SAMPLED)
        count = min(_MOST_IDS, -(-rows // _ROWS_PER_ID))
        drawn = table.take(random.Random(rows).sample(range(table.num_rows), count))
        namespaces, statuses = (
            {value: number / count for value, number in Counter(drawn[name].to_pylist()).items()}
            for name in ("namespace", "status")
        )
        return cls(rows, sorted(drawn["doc_id"].to_pylist()), namespaces, statuses)

    def fits(self, rows: int) -> bool:
        """Say whether it tells of a table that has so many rows by now."""
        return self.rows / _CHANGED <= rows <= self.rows * _CHANGED

    def share(self, wanted: Wanted) -> float:
        """Return about which share of the table is in the namespaces and has the status."""
        share = 1.0 if wanted.status is None else self.statuses.get(wanted.status, 0.0)
        if wanted.namespaces is None:
            return share
        names = set(wanted.namespaces)
        return min(share, sum(self.shares.get(name, 0.0) for name in names))

    def ranges(self, start: Place, rows: int, widest: float) -> Iterator[str | None]:
        """Yield the ends of wider and wider ranges behind `start`, None: the end of all.

        The first holds about twice as many `rows` of its namespace, the last is no wider
        than the share `widest` of the table.
        """
        least = rows / self.rows
        width = 2 * least / max(self.shares.get(start[0], 0.0), least)
        at = bisect_right(self.ids, start[1] or "") - 1
        while width <= widest:
            at += max(1, round(width * len(self.ids)))
            if at >= len(self.ids):
                yield None
                return
            yield self.ids[at]
            width *= _WIDER


class Pager:
    """Finds the first rows of what is wanted; remembers what a table is like.

    In tables of `large` rows it looks through ranges, up to the share `widest` of all rows.
    What is no more than the share `rarest` of all rows is found through indexes instead.
    """

    def __init__(
        self, large: int = _LARGE, widest: float = _WIDEST, rarest: float = _RAREST
    ) -> None:
        self._large = large
        self._widest = widest
        self._rarest = rarest
        self._sample = Sample()

    def first(self, dataset: lance.LanceDataset, wanted: Wanted, count: int) -> list[Found]:
        """Return the first `count` rows in the order of their keys, or all that there are."""
        rows = dataset.count_rows()
        if rows < self._large:
            return _sorted(dataset, wanted.whole(), count)
        # Another thread may put a new one in its place meanwhile.
        sample = self._sample
        if not sample.fits(rows):
            sample = self._sample = Sample.of(dataset, rows)
        if sample.share(wanted) <= self._rarest:
            return self._rare(dataset, wanted, count)
        return self._in_ranges(dataset, wanted, count, sample)

    def _rare(self, dataset: lance.LanceDataset, wanted: Wanted, count: int) -> list[Found]:
        # Behind a place there may be most of all ids, which no index tells quickly.
        few = _found(
            dataset.to_table(columns=_KEYS, filter=wanted.anywhere(), with_row_address=True)
        )
        if len(few) > _WIDER * self._rarest * self._sample.rows:
            # They are many by now; the next page draws another sample.
            self._sample = Sample()
        return heapq.nsmallest(count, filter(wanted.is_behind, few), key=lambda row: row.key)

    def _in_ranges(
        self, dataset: lance.LanceDataset, wanted: Wanted, count: int, sample: Sample
    ) -> list[Found]:
        found: list[Found] = []
        for namespace, after in _namespaces(dataset, wanted):
            here = replace(wanted, namespaces=[namespace], after=(namespace, after))
            if sample.share(here) <= self._rarest:
                found += self._rare(dataset, here, count - len(found))
                if len(found) == count:
                    break
                continue
            ranges = sample.ranges((namespace, after), count, self._widest)
            rest = _within(dataset, ranges, wanted, (namespace, after), count, found)
            if rest is not None:
                found += _sorted(dataset, rest.whole(), count - len(found), through_index=False)
                break
            if len(found) == count:
                break
        return found


def _within(
    dataset: lance.LanceDataset,
    ranges: Iterator[str | None],
    wanted: Wanted,
    start: Place,
    count: int,
    found: list[Found],
) -> Wanted | None:
    """Add to `found`, up to `count`, what is in `ranges` of ids in the namespace of `start`.

    Returns what is left to be looked through where ranges would have to be too wide.
    """
    namespace, after = start
    for end in ranges:
        until = f" AND doc_id <= {quote(end)}" if end is not None else ""
        inside = f"namespace = {quote(namespace)}{_behind(after)}{until}"
        found += _sorted(dataset, f"{wanted.predicate} AND {inside}", count - len(found))
        if end is None or len(found) == count:
            return None
        after = end
    return replace(wanted, after=(namespace, after))


def _behind(doc_id: str | None) -> str:
    return f" AND doc_id > {quote(doc_id)}" if doc_id is not None else ""


def _namespaces(dataset: lance.LanceDataset, wanted: Wanted) -> Iterator[Place]:
    """Yield where wanted rows may be, a namespace at a time."""
    first, after = wanted.after or ("", None)
    if wanted.namespaces is not None:
        for name in sorted(set(wanted.namespaces)):
            if name >= first:
                yield name, after if name == first else None
        return
    if wanted.after is not None:
        yield wanted.after
    names: list[str] = pc.unique(dataset.to_table(columns=["namespace"])["namespace"]).to_pylist()
    yield from ((name, None) for name in sorted(names) if name > first)


def _found(table: pa.Table) -> list[Found]:
    keys = zip(table["namespace"].to_pylist(), table["doc_id"].to_pylist(), strict=True)
    addresses = table["_rowaddr"].to_pylist()
    return [Found(key, address) for key, address in zip(keys, addresses, strict=True)]


def _sorted(
    dataset: lance.LanceDataset, predicate: str, count: int, *, through_index: bool = True
) -> list[Found]:
    # Only the keys are sorted; all else is read of the page's rows alone.
    table = dataset.scanner(
        columns=_KEYS,
        filter=predicate,
        order_by=["namespace", "doc_id"],
        limit=count,
        with_row_address=True,
        use_scalar_index=through_index,
    ).to_table()
    return _found(table)
