"""Which segments to join, and when: few segments, each row copied a few times only.

New rows come as small segments. Neighbours of like size are joined at once while
they are small, in the background once they are large: as in a log-structured
merge tree, sizes double from the newest segment to the oldest, so that there are
about as many segments as the logarithm of the rows.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from retrieval.dense.building import build
from retrieval.dense.segment import Segment, Store

# Vectors and what belongs to them must stay below 1.3 times the vectors that live.
_MOST_DEAD = 0.2
_RATIO = 2
_TAIL_SHARE = 2


@dataclass(frozen=True, slots=True)
class Sizes:
    """Up to `exact` rows of a namespace are searched exactly; no segment is over `largest`.

    A segment is built beside those that it replaces, so `largest` bounds what
    building costs in memory for a while.
    """

    exact: int = 25_000
    largest: int = 262_144

    @property
    def tail(self) -> int:
        """How many rows outside clusters a large namespace may have."""
        return max(1, self.exact // _TAIL_SHARE)


@dataclass(frozen=True, slots=True)
class Plan:
    """Segments to be built anew as one, with clusters or without."""

    segments: tuple[Segment, ...]
    clustered: bool


def joined(
    segments: Sequence[Segment], sizes: Sizes, busy: Collection[int] = ()
) -> tuple[Segment, ...]:
    """Return `segments`, oldest first, with small ones of like size joined and empty ones gone.

    `busy` holds the ids of stores that are being built from; these stay.
    """
    kept: list[Segment] = []
    for segment in segments:
        if not len(segment) and id(segment.store) not in busy:
            continue
        kept.append(segment)
        while (last := _last_of_like_size(kept, sizes, busy)) > 1:
            kept[-last:] = [_join(kept[-last:])]
    return tuple(_tidy(segment, sizes, busy) for segment in kept)


def next_plan(segments: Sequence[Segment], sizes: Sizes) -> Plan | None:
    """Return what to build next in the background for one namespace, or None."""
    if sum(map(len, segments)) <= sizes.exact:
        worn = [part for part in segments if part.store.clusters is not None and _worn(part)]
        return Plan((worn[0],), False) if worn else None
    flat = [part for part in segments if part.store.clusters is None and len(part)]
    if sum(map(len, flat)) > sizes.tail:
        return Plan(_with_neighbors(flat, segments, sizes), True)
    worn = [part for part in segments if part.store.clusters is not None and _worn(part)]
    return Plan((worn[0],), True) if worn else None


def _with_neighbors(
    flat: Sequence[Segment], segments: Sequence[Segment], sizes: Sizes
) -> tuple[Segment, ...]:
    """Return the flat segments, and those clusters that are too small to stand beside them."""
    chosen, rows = [flat[0]], len(flat[0])
    clustered = [part for part in segments if part.store.clusters is not None and len(part)]
    for part in [*flat[1:], *sorted(clustered, key=len)]:
        small = part.store.clusters is None or len(part) <= _RATIO * rows
        if small and rows + len(part) <= sizes.largest:
            chosen.append(part)
            rows += len(part)
    return tuple(chosen)


def _last_of_like_size(kept: Sequence[Segment], sizes: Sizes, busy: Collection[int]) -> int:
    """Return how many of the last segments to join: 2, or 1 for none."""
    if len(kept) < 2:
        return 1
    before, last = kept[-2:]
    fit = len(before) <= _RATIO * len(last) and len(before) + len(last) <= sizes.exact
    return 2 if fit and _free(before.store, busy) and _free(last.store, busy) else 1


def _join(segments: Sequence[Segment]) -> Segment:
    return build(segments, False).segment(segments)


def _tidy(segment: Segment, sizes: Sizes, busy: Collection[int]) -> Segment:
    small = len(segment) <= sizes.exact and _free(segment.store, busy)
    return _join([segment]) if small and _worn(segment) else segment


def _free(store: Store, busy: Collection[int]) -> bool:
    return store.clusters is None and id(store) not in busy


def _worn(segment: Segment) -> bool:
    return 0 < len(segment) < (1 - _MOST_DEAD) * len(segment.store)
