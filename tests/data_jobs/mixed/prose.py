"""Sentences of plain English, of which no two are the same, and none is part of another."""

import random

_HOW = (
    "amber brave calm dusty eager faded gentle heavy iron jolly keen lonely "
    "modern narrow olden patient quiet rusty silver tender upper velvet wooden yellow "
    "bitter copper distant empty frozen golden humble little"
)
_WHO = (
    "baker captain dancer engineer farmer gardener hunter inventor judge keeper lawyer miner "
    "neighbor officer painter queen ranger sailor teacher uncle visitor weaver actor broker "
    "carpenter driver editor fiddler guest helper knight lender"
)
_DOES = (
    "admires borrows carries delivers examines follows gathers hides inspects joins keeps lifts "
    "measures notices orders paints repairs sells tests unpacks visits washes buys cleans draws "
    "finds guards holds locates mends opens paves"
)
_WHAT = (
    "anchors baskets candles drums engines flags gloves hammers islands jackets kettles lanterns "
    "mirrors needles organs pillows quilts ropes saddles tables umbrellas violins wagons barrels "
    "cabins doors fences gardens harbors kitchens ladders medals"
)
_WORDS = tuple(words.split() for words in (_HOW, _WHO, _DOES, _HOW, _WHAT))
_BASE = 32
_ALL = _BASE ** len(_WORDS)
# Odd, and so without a factor in common: numbers that follow each other lie far apart.
_STEP = 20_511_149


class Prose:
    """A stream of sentences from one generator; `chance` decides how many a paragraph has."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._next = 0

    def sentences(self, least: int, most: int) -> tuple[str, ...]:
        """Return some that nobody had before."""
        return tuple(self._sentence() for _ in range(self._chance.randint(least, most)))

    def _sentence(self) -> str:
        number = self._next * _STEP % _ALL
        self._next += 1
        words: list[str] = []
        for choice in _WORDS:
            number, at = divmod(number, _BASE)
            words.append(choice[at])
        how, who, does, other, what = words
        return f"The {how} {who} {does} the {other} {what} today."


def paragraphs(sentences: tuple[str, ...], size: int = 4) -> list[str]:
    """Return them as paragraphs of up to `size` sentences."""
    groups = (sentences[at : at + size] for at in range(0, len(sentences), size))
    return [" ".join(group) for group in groups]


def words_of(text: str) -> str:
    """Return the letters and digits of `text` in lower case, one blank between words."""
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())
