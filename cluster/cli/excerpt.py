"""The part of a passage that shows best why it was found."""

import re
from collections.abc import Sequence

_WORD = re.compile(r"\w+(?:[-.]\w+)*")
_LEAD = 4
_ELLIPSIS = "…"


def excerpt(text: str, query: str, width: int) -> str:
    """Return at most `width` characters of `text`, in one line, around the words of `query`.

    Where the query's words do not occur, that is the beginning.
    """
    words = text.split()
    wanted = {word.casefold() for word in _WORD.findall(query) if len(word) > 2}
    matches = [wanted & {part.casefold() for part in _WORD.findall(word)} for word in words]

    def matched(start: int) -> int:
        window = matches[start : start + _fitting(words, start, width)]
        return len(set().union(*window))

    start = max(range(len(words)), key=matched, default=0)
    if start:
        first = next(at for at in range(start, len(words)) if matches[at])
        start = max(start, first - _LEAD)
    return _cut(words, start, width)


def _fitting(words: Sequence[str], start: int, width: int) -> int:
    """Return how many words from `start` on fit into `width`, with an ellipsis at each end."""
    used = 2 * len(_ELLIPSIS) + 2
    for count, word in enumerate(words[start:]):
        used += len(word) + (count > 0)
        if used > width:
            return count
    return len(words) - start


def _cut(words: Sequence[str], start: int, width: int) -> str:
    count = max(1, _fitting(words, start, width))
    shown = " ".join(words[start : start + count])[:width]
    before = f"{_ELLIPSIS} " if start else ""
    after = f" {_ELLIPSIS}" if start + count < len(words) else ""
    return f"{before}{shown}{after}"
