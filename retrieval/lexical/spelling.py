"""Words of a query that may be typing errors, and what was probably meant by them.

Only plain words can be: codes, numbers, addresses and paths are what they are. How many
letters may be wrong depends on the length, as in most search engines; the first one is
right. Distances are those of Damerau and Levenshtein in their restricted form: a letter
more, less or changed, or two neighbours exchanged.
"""

import re
import string
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from retrieval.lexical.stop_words import ENGLISH

ONE_FROM = 5
"""Letters of the shortest word in which one may be wrong."""
TWO_FROM = 8
"""Letters of the shortest word in which two may be wrong."""
_LONGEST = 32
_WORD = re.compile(r"[^\W_]+")
_SPACES = re.compile(r"(\s+)")
_CODE = re.compile(r"[\d@/\\_]|\w\.\w")
# How much less a passage counts than the one before it, when it tells which word was meant.
_RANK_SHIFT = 5


def plain_words(query: str) -> list[str]:
    """Return the words that may be typing errors, each once, in lower case."""
    parts = [part for part in query.split() if not _CODE.search(part)]
    words = [word.lower() for part in parts for word in _WORD.findall(part)]
    return list(dict.fromkeys(filter(_can_be_wrong, words)))


def corrected(query: str, corrections: Mapping[str, str]) -> str:
    """Return `query` with the words that `corrections` has, all else as it is written."""

    def read(word: re.Match[str]) -> str:
        return corrections.get(word[0].lower(), word[0])

    parts = _SPACES.split(query)
    return "".join(part if _CODE.search(part) else _WORD.sub(read, part) for part in parts)


def exchanged(word: str) -> list[str]:
    """Return `word` with each two unlike neighbours exchanged, but for the first letter."""
    return [
        word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        for at in range(1, len(word) - 1)
        if word[at] != word[at + 1]
    ]


def variants(word: str) -> set[str]:
    """Return all that is one letter away from `word`, with the letters of English."""
    found = {*exchanged(word), *(word[:at] + word[at + 1 :] for at in range(1, len(word)))}
    for at in range(1, len(word) + 1):
        for letter in string.ascii_lowercase:
            found.add(word[:at] + letter + word[at:])
            found.add(word[:at] + letter + word[at + 1 :])
    return found - {word}


def meant(word: str, passages: Iterable[str], most: int) -> str | None:
    """Return the word of `passages`, best first, that is at most `most` letters from `word`.

    The nearest counts, of these one of the same letters, of these the one in more and better
    passages. None where there is none.
    """
    plain, weights = _folded(word), defaultdict[str, float](float)
    for rank, passage in enumerate(passages):
        for each in {found.lower() for found in _WORD.findall(passage)}:
            if each[0] == word[0] and abs(len(each) - len(word)) <= most:
                weights[each] += 1 / (_RANK_SHIFT + rank)
    near = {each: distance(plain, _folded(each)) for each in weights}
    fitting = [each for each in weights if near[each] <= most]
    if not fitting:
        return None
    letters = sorted(plain)
    return min(
        fitting,
        key=lambda each: (near[each], sorted(_folded(each)) != letters, -weights[each], each),
    )


def distance(one: str, other: str) -> int:
    """Return how many letters are more, less, changed or exchanged with their neighbour."""
    before: Sequence[int] = ()
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        now = [at]
        for place, wanted in enumerate(other, 1):
            least = min(row[place] + 1, now[-1] + 1, row[place - 1] + (letter != wanted))
            if at > 1 < place and letter == other[place - 2] and wanted == one[at - 2]:
                least = min(least, before[place - 2] + 1)
            now.append(least)
        before, row = row, now
    return row[-1]


def _can_be_wrong(word: str) -> bool:
    """Say whether `word` is long enough, and of letters that have a lower and an upper case."""
    has_case = all(letter.lower() != letter.upper() for letter in word)
    return ONE_FROM <= len(word) <= _LONGEST and has_case and word not in ENGLISH


def _folded(word: str) -> str:
    if word.isascii():
        return word
    parts = unicodedata.normalize("NFKD", word)
    return "".join(part for part in parts if not unicodedata.combining(part))
