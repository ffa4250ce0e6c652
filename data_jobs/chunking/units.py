"""Units: what passages are put together from, none longer than a passage may be."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from data_jobs.chunking.text import Stretch, lines, sentences, words
from data_jobs.chunking.tokens import CHARACTERS_PER_TOKEN, TokenCounter
from data_jobs.parse.base import Block

_BY_LINE = ("list", "code", "table")


class Unit(NamedTuple):
    """A sentence, line, row or cue: where it stands in its text, and its tokens.

    `block` is the number of the block that it comes from; `torn` says that it is
    part of a word too long for any passage.
    """

    start: int
    end: int
    tokens: int
    block: int = 0
    torn: bool = False


class UnitCutter:
    """Cuts stretches of text into units of at most `limit` tokens."""

    def __init__(self, counter: TokenCounter, limit: int) -> None:
        self._counter = counter
        self._limit = limit
        # Small parts of an endless sentence let passages come out even.
        self._part = max(1, limit // 4)

    def units(self, text: str, block: Block, stretch: Stretch, number: int) -> Iterator[Unit]:
        """Yield the units of `block`, the one with that number, at `stretch` of `text`."""
        for start, end in _natural(text, block, stretch):
            tokens = self._counter.cost(text[start:end])
            if tokens <= self._limit:
                yield Unit(start, end, tokens, number)
            else:
                yield from self._parts(text, start, end, number)

    def _parts(self, text: str, start: int, end: int, number: int) -> Iterator[Unit]:
        first = last = start
        tokens = 0
        for word_start, word_end in words(text, start, end):
            cost = self._counter.word_cost(text[word_start:word_end])
            if tokens and tokens + cost > self._part:
                yield Unit(first, last, tokens, number)
                tokens = 0
            if cost > self._limit:
                yield from self._torn(text, word_start, word_end, number)
                continue
            first = first if tokens else word_start
            last, tokens = word_end, tokens + cost
        if tokens:
            yield Unit(first, last, tokens, number)

    def _torn(self, text: str, start: int, end: int, number: int) -> Iterator[Unit]:
        while start < end:
            length = min(end - start, self._part * CHARACTERS_PER_TOKEN)
            cost = self._counter.cost(text[start : start + length])
            while cost > self._part and length > 1:
                length = max(1, length * self._part // cost)
                cost = self._counter.cost(text[start : start + length])
            yield Unit(start, start + length, cost, number, torn=True)
            start += length


def _natural(text: str, block: Block, stretch: Stretch) -> Iterator[Stretch]:
    if block.kind in ("cue", "heading"):
        return iter([stretch])
    return (lines if block.kind in _BY_LINE else sentences)(text, *stretch)


def join(blocks: Sequence[Block]) -> tuple[str, list[Stretch]]:
    """Return `blocks` as one text, and where each of them stands in it."""
    parts: list[str] = []
    stretches: list[Stretch] = []
    length = 0
    for number, block in enumerate(blocks):
        gap = _gap(blocks[number - 1], block) if number else ""
        start = length + len(gap)
        length = start + len(block.text)
        parts += (gap, block.text)
        stretches.append((start, length))
    return "".join(parts), stretches


def _gap(before: Block, after: Block) -> str:
    if before.kind == after.kind == "cue":
        return " "
    tight = before.kind == "heading" or before.kind == after.kind == "list"
    return "\n" if tight else "\n\n"
