"""Whether the text layer of a page is text, or what a font without a character map leaves.

Three measures, of which `tests/data_jobs/parse/test_garbage.py` counts the errors: the
share of characters that stand for no letter, the share of letters and digits, and, for
Latin letters, the share of vowels, which no language has below a fifth.
"""

import re
import unicodedata

_NO_CHARACTER = re.compile("[\ue000-\uf8ff\ufffd\x00-\x08\x0e-\x1f]|\\(cid:\\d+\\)")
_NO_LETTER = re.compile(r"[\W_]+")
_NOT_LATIN = re.compile("[^A-Za-z]+")
# The same among the characters of ASCII, most text, which bytes leave out much faster.
_ASCII = {
    pattern: bytes(code for code in range(128) if pattern.fullmatch(chr(code)))
    for pattern in (_NO_LETTER, _NOT_LATIN)
}
_MOST_OF_NO_CHARACTER = 0.15
_LEAST_LETTERS = 0.4
_LEAST_VOWELS = 0.2
# Below this, initials and part numbers decide.
_FEW_LETTERS = 150
_VOWELS = "aeiouyAEIOUY"


def is_garbage(text: str) -> bool:
    """Return whether `text` is not worth keeping; empty text is not."""
    compact = "".join(text.split())
    if not compact:
        return True
    if compact.isascii() and not _has_broken_names(compact):
        solid = compact
    else:
        broken = sum(len(found) for found in _NO_CHARACTER.findall(compact))
        if broken > _MOST_OF_NO_CHARACTER * len(compact):
            return True
        # Accents count as the letters that bear them.
        solid = unicodedata.normalize("NFD", compact)
    letters = len(_without(_NO_LETTER, solid))
    return letters == 0 or letters < _LEAST_LETTERS * len(solid) or _lacks_vowels(solid)


def _has_broken_names(text: str) -> bool:
    return "(cid:" in text or not text.isprintable()


def _lacks_vowels(text: str) -> bool:
    """Whether Latin letters are mixed as in no language."""
    latin = _without(_NOT_LATIN, text)
    if len(latin) < _FEW_LETTERS or 2 * len(latin) < len(text):
        return False
    return sum(map(latin.count, _VOWELS)) < _LEAST_VOWELS * len(latin)


def _without(unwanted: re.Pattern[str], text: str) -> str:
    if text.isascii():
        return text.encode().translate(None, _ASCII[unwanted]).decode()
    return unwanted.sub("", text)
