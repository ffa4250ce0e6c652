"""Running headers and footers: short lines that stand at the same place on many pages.

A line counts by its whole text, or without numbers in it that grow with the pages, as page
numbers do. Nothing else is taken out, and unless a line is no more than the number
of its page, the first of its kind stays. Lines larger than the text around them are headings.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice, product
from statistics import median

from data_jobs.parse.pdf_lines import Line

# Pages that are looked at together, which also bounds how many wait in memory.
_WINDOW = 64
_LEAST_PAGES = 3
# Left and right pages may have headers of their own.
_LEAST_SHARE = 0.4
# Lines that may be header or footer, from the top and from the bottom of a page.
_EDGE = 3
_LONGEST = 120
# Points by which a line may stand elsewhere on another page.
_TOLERANCE = 6.0
# Letters of a heading are larger than the usual ones by this.
_HEADING_SCALE = 1.12
# Stands around what is put for a number; no text of a PDF holds it.
_LEFT_OUT = "\x00"
_NUMBER = re.compile(r"(?<!\d)(\d{1,6})(?!\d)")

# A line with more numbers than that counts by its whole text.
_MOST_NUMBERS = 3


class RunningLines:
    """Takes running lines out of the pages of one document; `removed` counts them."""

    def __init__(self) -> None:
        self.removed = 0
        # Where each running line stands, from the bottom of the page.
        self._known: dict[str, float] = {}
        self._kept: set[str] = set()

    def without(self, pages: Iterator[list[Line]]) -> Iterator[tuple[list[Line], bool]]:
        """Yield the lines of each page that stay, and whether others were taken out."""
        first = 1
        while window := list(islice(pages, _WINDOW)):
            edges = [_edges(lines) for lines in window]
            self._learn(first, edges)
            for number, (lines, edge) in enumerate(zip(window, edges, strict=True), first):
                running = [line for line in edge if self._is_running(line, number)]
                self.removed += len(running)
                kept = [line for line in lines if line not in running] if running else lines
                yield kept, bool(running)
            first += len(window)

    def _learn(self, first: int, edges: Sequence[list[Line]]) -> None:
        places: defaultdict[str, list[float]] = defaultdict(list)
        for number, lines in enumerate(edges, first):
            found = {key: line.bottom for line in lines for key in _keys(line.text, number)}
            for key, bottom in found.items():
                places[key].append(bottom)
        least = max(_LEAST_PAGES, _LEAST_SHARE * sum(map(bool, edges)))
        for key, bottoms in places.items():
            place = median(bottoms)
            if sum(abs(bottom - place) <= _TOLERANCE for bottom in bottoms) >= least:
                self._known.setdefault(key, place)

    def _is_running(self, line: Line, number: int) -> bool:
        """Say whether to take `line` out; the first with these words stays."""
        for key in _keys(line.text, number):
            place = self._known.get(key)
            if place is not None and abs(line.bottom - place) <= _TOLERANCE:
                bare = _LEFT_OUT in key and not any(map(str.isalpha, key))
                if not bare and key not in self._kept:
                    self._kept.add(key)
                    return False
                return True
        return False


def _edges(lines: Sequence[Line]) -> list[Line]:
    """Return the short lines at the top and at the bottom of a page."""
    bottoms = sorted([line.bottom for line in lines])
    if len(bottoms) <= 2 * _EDGE:
        found = list(lines)
    else:
        low, high = bottoms[_EDGE - 1], bottoms[-_EDGE]
        found = [line for line in lines if line.bottom <= low or line.bottom >= high]
    heights = sorted([line.height for line in lines])
    largest = _HEADING_SCALE * heights[len(heights) // 2] if heights else 0.0
    return [line for line in found if len(line.text) <= _LONGEST and line.height <= largest]


def _keys(text: str, number: int) -> list[str]:
    """Return what may stand for a line on page `number`.

    That is its text, and its text with any of its numbers as their distance from `number`.
    """
    parts = _NUMBER.split(text)
    if len(parts) == 1 or len(parts) // 2 > _MOST_NUMBERS:
        return [text]
    choices = [
        (part, f"{_LEFT_OUT}{int(part) - number}{_LEFT_OUT}") if at % 2 else (part,)
        for at, part in enumerate(parts)
    ]
    return ["".join(chosen) for chosen in product(*choices)]
