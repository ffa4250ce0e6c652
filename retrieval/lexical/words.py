"""The words of a text, as the corpus's own text index takes them apart.

Whatever answers in its place is given these, so that it matters little which of the two does.
"""

import re
import unicodedata

from retrieval.lexical.stop_words import ENGLISH

_ACCENTS = re.compile("[\u0300-\u036f]+")
_BETWEEN = re.compile(r"[\W_]+")


def words(text: str) -> list[str]:
    """Return the runs of letters and digits in `text`: of other characters nothing is left."""
    return _BETWEEN.sub(" ", text).split()


def english_words(text: str) -> list[str]:
    """Return the words of `text` without accents, and without the small ones of English."""
    if not text.isascii():
        text = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return [word for word in words(text) if word.lower() not in ENGLISH]
