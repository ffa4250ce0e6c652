"""Which character parts the columns of a text table."""

import csv
from collections import Counter
from itertools import islice

DELIMITERS = (",", "\t", ";", "|")
_ROWS = 50
_CONSISTENT = 0.9


def sniff_delimiter(text: str) -> str | None:
    """Return the delimiter that gives most rows of `text` the same width, if any does.

    A cut-off last line should be left out of `text`.
    """
    best: tuple[float, int, str] | None = None
    for delimiter in DELIMITERS:
        widths = _widths(text, delimiter)
        width, count = max(Counter(widths).items(), key=lambda item: (item[1], item[0]))
        share = count / len(widths)
        if width > 1 and share >= _CONSISTENT and (best is None or (share, width) > best[:2]):
            best = (share, width, delimiter)
    return best[2] if best else None


def _widths(text: str, delimiter: str) -> list[int]:
    try:
        rows = list(islice(csv.reader(text.splitlines(keepends=True), delimiter=delimiter), _ROWS))
    except csv.Error:
        return [0]
    return [len(row) for row in rows if any(row)] or [0]
