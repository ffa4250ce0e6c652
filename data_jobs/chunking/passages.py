"""From the blocks of one place to the texts of its passages."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from data_jobs.chunking.packing import Packer, Window
from data_jobs.chunking.text import Stretch
from data_jobs.chunking.tokens import TokenCounter
from data_jobs.chunking.units import Unit, UnitCutter, join
from data_jobs.parse.base import Block

# The line of dashes under the header row of a Markdown table.
_RULE = re.compile(r"\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?")


@dataclass(frozen=True, slots=True)
class Passage:
    """The text of one passage, and its seconds where it has any.

    `torn` says that parts of an overlong word may stand in it. `confidence` is that of
    its recogniser, where one was at work, and `speaker` who says most of it.
    """

    text: str
    t_start: float | None = None
    t_end: float | None = None
    torn: bool = False
    confidence: float | None = None
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class PassageCutter:
    """Cuts blocks of one place into passages of at most `size` tokens.

    Neighbours share at most `overlap` tokens; captions span at most `seconds`.
    """

    counter: TokenCounter
    size: int
    overlap: int
    seconds: float

    def passages(self, blocks: Sequence[Block]) -> Iterator[Passage]:
        """Yield the passages of `blocks` in order.

        A table that is too long for one passage is cut between rows, and each
        part begins with the header row.
        """
        for part in self._parts(blocks):
            if self._is_long_table(part[-1]):
                yield from self._table(part[:-1], part[-1])
            else:
                yield from self._prose(part)

    def _is_long_table(self, block: Block) -> bool:
        return block.kind == "table" and self.counter.cost(block.text) > self.size

    def _parts(self, blocks: Sequence[Block]) -> Iterator[list[Block]]:
        """Yield runs of blocks; a long table ends its run, with headings alone before it."""
        part: list[Block] = []
        for block in blocks:
            if not self._is_long_table(block):
                part.append(block)
                continue
            if part and part[-1].kind != "heading":
                yield part
                part = []
            yield [*part, block]
            part = []
        if part:
            yield part

    def _prose(self, blocks: Sequence[Block]) -> Iterator[Passage]:
        text, stretches = join(blocks)
        whole = Window(0, len(text), 0, len(blocks) - 1)
        if self.counter.cost(text) <= self.size and self._span(blocks) <= self.seconds:
            yield _passage(text, blocks, whole)
            return
        units = self._units(text, stretches, blocks, self.size)
        torn = any(unit.torn for unit in units)
        for window in self._pack(text, blocks, units, self.size, self.overlap):
            yield _passage(text[window.start : window.end], blocks, window, torn)

    def _table(self, headings: Sequence[Block], table: Block) -> Iterator[Passage]:
        header, rows = self._header(table.text)
        size = self.size - self.counter.cost(header)
        blocks = [*headings, replace(table, text=rows)]
        text, stretches = join(blocks)
        body = stretches[-1][0]
        units = self._units(text, stretches, blocks, size)
        torn = any(unit.torn for unit in units)
        for window in self._pack(text, blocks, units, size, overlap=0):
            yield Passage(_with_header(text, window, body, header), torn=torn)

    def _header(self, table: str) -> tuple[str, str]:
        """Return the header row of a table with its rule, and the other rows.

        The header is empty where there is none, or where it leaves too little room.
        """
        rows = table.split("\n", 2)
        if len(rows) == 3 and _RULE.fullmatch(rows[1].strip()):
            header = f"{rows[0]}\n{rows[1]}\n"
            if self.counter.cost(header) <= self.size // 2:
                return header, rows[2]
        return "", table

    def _units(
        self, text: str, stretches: Sequence[Stretch], blocks: Sequence[Block], limit: int
    ) -> list[Unit]:
        cutter = UnitCutter(self.counter, limit)
        return [
            unit
            for number, (block, stretch) in enumerate(zip(blocks, stretches, strict=True))
            for unit in cutter.units(text, block, stretch, number)
        ]

    def _pack(
        self, text: str, blocks: Sequence[Block], units: Sequence[Unit], size: int, overlap: int
    ) -> Iterator[Window]:
        return Packer(self.counter, size, overlap, self.seconds, text, blocks, units).windows()

    def _span(self, blocks: Sequence[Block]) -> float:
        begin, end = blocks[0].t_start, blocks[-1].t_end
        return 0.0 if begin is None or end is None else end - begin


def _passage(text: str, blocks: Sequence[Block], window: Window, torn: bool = False) -> Passage:
    first, last = blocks[window.first_block], blocks[window.last_block]
    own = blocks[window.first_block : window.last_block + 1]
    return Passage(text, first.t_start, last.t_end, torn, _confidence(own), _speaker(own))


def _confidence(blocks: Sequence[Block]) -> float | None:
    """Return the mean confidence of `blocks`, by length of text; None where none has any."""
    found = [(len(b.text), b.confidence) for b in blocks if b.confidence is not None]
    weight = sum(length for length, _ in found)
    return round(sum(n * value for n, value in found) / weight, 3) if weight else None


def _speaker(blocks: Sequence[Block]) -> str | None:
    """Return who says most of `blocks`, by length of text; None where nobody is known."""
    said: Counter[str] = Counter()
    for block in blocks:
        if block.speaker:
            said[block.speaker] += len(block.text)
    return said.most_common(1)[0][0] if said else None


def _with_header(text: str, window: Window, body: int, header: str) -> str:
    """Return the window's text with `header` in front of the rows, which begin at `body`."""
    if window.end <= body:
        return text[window.start : window.end]
    rows = max(window.start, body)
    return text[window.start : rows] + header + text[rows : window.end]
