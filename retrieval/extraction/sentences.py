"""Cutting text into sentences, as captions, notes and prose have them."""

import re
from collections.abc import Iterator

# Ends a sentence wherever it stands.
PARAGRAPH = "\u2029"
_ABBREVIATIONS = r"(?<!\bfeat)(?<!\bft)(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bDr)(?<!\bSt)(?<!\bvs)"
_END = re.compile(
    rf"(?:{_ABBREVIATIONS}(?<!\b[A-Z])[.!?…]+[\"”’)\]]*(?=\s)|\n\s*\n|\n(?=\s*[-*•|#])|{PARAGRAPH})\s*"
)
_LONGEST = 600


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the sentences of `text` begin and end; very long ones are left out.

    A blank line and a new item of a list end a sentence, too. What is longer than 600
    characters is a table or a transcript without stops, and states nothing of two names.
    """
    start = 0
    for match in _END.finditer(text):
        yield from _within(text, start, match.end())
        start = match.end()
    yield from _within(text, start, len(text))


def _within(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    stripped = text[start:end].strip()
    if stripped and len(stripped) <= _LONGEST:
        begin = text.index(stripped[0], start)
        yield begin, begin + len(stripped)
