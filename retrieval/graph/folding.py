"""Words as names are compared: without case, accents, spacing and punctuation.

Accents are the combining marks of the Latin, Greek and Cyrillic scripts; marks that
make another letter, as in Devanagari or Japanese, stay. A Chinese character or a
Japanese hiragana is a word of its own, since nothing there divides words.
"""

import re
import sys
import unicodedata
from functools import cache

_ASCII_WORD = re.compile(r"[A-Za-z0-9]+")
_ACCENT = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
_ALONE = "\u3041-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_LONGEST_ACRONYM = 4


def words(text: str) -> list[str]:
    """Return the folded words of `text`, as many as `cased_words` returns."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return _word().findall(unicodedata.normalize("NFKD", _plain(text).casefold()))


def cased_words(text: str) -> list[str]:
    """Return the words of `text` without accents, but in the case in which they stand."""
    return (_ASCII_WORD if text.isascii() else _word()).findall(_plain(text))


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return where the words of `text` begin and end, in the order of `words`.

    Empty where one character stands for several words, as few symbols do.
    """
    found = [match.span() for match in (_ASCII_WORD if text.isascii() else _word()).finditer(text)]
    return found if len(found) == len(words(text)) else []


def compact(text: str) -> str:
    """Return what all spellings of a name share that differ in case, accents or spacing."""
    return "".join(words(text))


def bare_words(name: str) -> list[str]:
    """Return the folded words of `name` without a leading "the", unless that is all of it."""
    found = words(name)
    return found[1:] if found[:1] == ["the"] and len(found) > 1 else found


def is_acronym(name: str) -> bool:
    """Say whether `name` is one word of at most four characters, letters all capital."""
    found = cased_words(name)
    return len(found) == 1 and found[0].isupper() and len(found[0]) <= _LONGEST_ACRONYM


def _plain(text: str) -> str:
    return text if text.isascii() else _ACCENT.sub("", unicodedata.normalize("NFKD", text))


@cache
def _word() -> re.Pattern[str]:
    # Python's \w leaves out the marks without which many scripts have no words.
    marks = [
        chr(code)
        for code in range(0x300, sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in {"Mn", "Mc"}
    ]
    return re.compile(f"[{_ALONE}][{''.join(marks)}]*|(?:(?![{_ALONE}_])[\\w{''.join(marks)}])+")
