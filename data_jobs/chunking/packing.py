"""Packing units into windows of even size that overlap a little."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data_jobs.chunking.text import later_words
from data_jobs.chunking.tokens import TokenCounter
from data_jobs.chunking.units import Unit
from data_jobs.parse.base import Block


@dataclass(frozen=True, slots=True)
class Window:
    """The place of one passage: a stretch of the text, and its first and last block."""

    start: int
    end: int
    first_block: int
    last_block: int


@dataclass(frozen=True, slots=True)
class Packer:
    """Packs the units of `text` into windows of at most `size` tokens.

    Neighbours share at most `overlap` tokens. Blocks with times stay together
    for at most `seconds`.
    """

    counter: TokenCounter
    size: int
    overlap: int
    seconds: float
    text: str
    blocks: Sequence[Block]
    units: Sequence[Unit]

    def windows(self) -> Iterator[Window]:
        """Yield the windows in order; each unit is new in exactly one of them."""
        left = sum(unit.tokens for unit in self.units)
        first, lead = 0, _nothing_before(self.units[0])
        while first < len(self.units):
            after = self._fill(first, lead, self._target(left, self.size - lead.tokens))
            last = self.units[after - 1]
            yield Window(lead.start, last.end, lead.block, last.block)
            left -= sum(unit.tokens for unit in self.units[first:after])
            if after < len(self.units):
                lead = self._lead(first, after)
            first = after

    def _target(self, left: int, room: int) -> int:
        """Return how many new tokens this window takes for all to come out even."""
        if left <= room:
            return left
        windows = 1 - (room - left) // (self.size - self.overlap)
        return -(-left // windows)

    def _fill(self, first: int, lead: Unit, target: int) -> int:
        """Return the number of the first unit that no longer goes in."""
        tokens, after = self.units[first].tokens, first + 1
        while after < len(self.units):
            unit = self.units[after]
            if lead.tokens + tokens + unit.tokens > self.size or tokens + unit.tokens / 2 > target:
                break
            if self._seconds(lead, unit) > self.seconds:
                break
            tokens += unit.tokens
            after += 1
        return after

    def _lead(self, first: int, after: int) -> Unit:
        """Return what the window of unit `after` repeats of the one that begins with `first`."""
        upcoming, last = self.units[after], self.units[after - 1]
        room = min(self.overlap, self.size - upcoming.tokens)
        if self._seconds(last, upcoming) > self.seconds:
            room = 0
        tokens, number = 0, after
        while number - 1 > first and tokens + self.units[number - 1].tokens <= room:
            number -= 1
            tokens += self.units[number].tokens
        if number < after:
            unit = self.units[number]
            return Unit(unit.start, unit.start, tokens, unit.block)
        return self._last_words(last, room) or _nothing_before(upcoming)

    def _last_words(self, unit: Unit, room: int) -> Unit | None:
        """Return the last words of `unit` that fit into `room`, but not all of them."""
        if unit.torn or room <= 0:
            return None
        tokens, found = 0, None
        for start, end in later_words(self.text, unit.start, unit.end):
            tokens += self.counter.word_cost(self.text[start:end])
            if tokens > room:
                break
            found = Unit(start, start, tokens, unit.block)
        return found

    def _seconds(self, first: Unit, last: Unit) -> float:
        begin, end = self.blocks[first.block].t_start, self.blocks[last.block].t_end
        return 0.0 if begin is None or end is None else end - begin


def _nothing_before(unit: Unit) -> Unit:
    return Unit(unit.start, unit.start, 0, unit.block)
