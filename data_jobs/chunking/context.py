"""The header that is embedded and indexed in front of a passage."""

import re
from collections.abc import Sequence
from pathlib import PurePath

from data_jobs.chunking.text import clean, words
from data_jobs.chunking.tokens import TokenCounter

SEPARATOR = " › "
_JOINTS = re.compile(r"[_\-\s]+")


def context_header(
    title: str, above: Sequence[str], within: Sequence[str], counter: TokenCounter, most: int
) -> str:
    """Return title and headings, highest first, in at most `most` tokens.

    `above` are the headings that the passage stands under, `within` those that it
    holds itself and that need not be said twice.
    """
    parts = [title] if title and title not in (*above, *within) else []
    parts += [heading for heading in above if heading not in within]
    return _shortened(SEPARATOR.join(parts), counter, most)


def readable_name(name: str) -> str:
    """Return a file's name as words: `interview_two-final.vtt` is "interview two final"."""
    return _JOINTS.sub(" ", clean(PurePath(name).stem)).strip()


def _shortened(text: str, counter: TokenCounter, most: int) -> str:
    if counter.cost(text) <= most:
        return text
    tokens = counter.cost("…")
    end = 0
    for start, stop in words(text, 0, len(text)):
        tokens += counter.cost(text[start:stop])
        if tokens > most:
            break
        end = stop
    return text[:end] + " …" if end else ""
