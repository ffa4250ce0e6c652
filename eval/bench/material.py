"""Text to measure with: Python's own language reference, which every Python brings along."""

import random
from collections.abc import Iterator
from functools import cache
from pydoc_data.topics import topics

_PASSAGE_WORDS = 90
_QUERY_WORDS = range(4, 10)


@cache
def _words() -> list[str]:
    return " ".join(topics[name] for name in sorted(topics)).split()


def passages(words: int = _PASSAGE_WORDS) -> list[str]:
    """Return the reference cut into some hundred passages of `words` words."""
    text = _words()
    return [" ".join(text[at : at + words]) for at in range(0, len(text), words)]


def distinct_queries(count: int, seed: int = 0) -> list[str]:
    """Return `count` different queries: some words in a row, from anywhere in the text."""
    rng = random.Random(seed)
    text = _words()
    queries: dict[str, None] = {}
    while len(queries) < count:
        start = rng.randrange(len(text) - max(_QUERY_WORDS))
        queries[" ".join(text[start : start + rng.choice(_QUERY_WORDS)])] = None
    return list(queries)


def pages(count: int, lines: int, seed: int = 0) -> Iterator[list[str]]:
    """Yield `count` pages of `lines` lines of ten words, different for every seed."""
    rng = random.Random(seed)
    text = _words()
    for _ in range(count):
        starts = (rng.randrange(len(text) - 10) for _ in range(lines))
        yield [" ".join(text[start : start + 10]) for start in starts]
