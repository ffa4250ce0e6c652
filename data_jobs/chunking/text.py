"""Words, sentences and lines as stretches of a text."""

import re
from collections.abc import Iterator

Stretch = tuple[int, int]

# Written without spaces: every character may be the end of a word.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
_CLOSING = "、。，．！？：；…」』）〕】》"
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
_WORD = re.compile(rf"[{_UNSPACED}][{_CLOSING}]*|[^\s{_UNSPACED}]+")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONG_GAP = re.compile(r"\s{65,}")
# Every such gap is one of at least four among every sixteenth character.
_SPARSE, _SPARSE_GAP = 16, re.compile(r"\s{4}")
# Begins with one set of characters, to the next of which the search leaps.
_SENTENCE_END = re.compile(
    r"[.!?…。！？\n](?:"
    r"(?<=[.!?…])[.!?…]*[\"'”’»)\]]*\s+(?=[\"'“‘«(\[]*[^\Wa-z])"
    r"|(?<=[。！？])[。！？]*[」』）]*\s*|(?<=\n)\s*)"
)


def clean(text: str) -> str:
    """Return `text` without control characters, lone surrogates and endless white space."""
    # The tests are only faster ways to say that most texts are clean.
    if not (text.isascii() and text.replace("\n", "").replace("\t", "").isprintable()):
        text = _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
        text = _SURROGATE.sub("\ufffd", text)
    if _SPARSE_GAP.search(text[::_SPARSE]):
        text = _LONG_GAP.sub(lambda gap: "\n" if "\n" in gap[0] else " ", text)
    return text.strip()


def is_spaced(text: str) -> bool:
    """Say whether white space parts all words of `text`."""
    return text.isascii() or _UNSPACED_CHARACTER.search(text) is None


def words(text: str, start: int, end: int) -> Iterator[Stretch]:
    """Yield where the words of `text[start:end]` stand."""
    return (match.span() for match in _WORD.finditer(text, start, end))


def later_words(text: str, start: int, end: int) -> Iterator[Stretch]:
    """Yield where the words of `text[start:end]` but the first stand, the last one first."""
    part = text[start:end]
    if not is_spaced(part):
        yield from reversed(list(words(text, start, end))[1:])
        return
    for word in reversed(part.split()[1:]):
        start_of = text.rindex(word, start, end)
        yield start_of, start_of + len(word)
        end = start_of


def sentences(text: str, start: int, end: int) -> Iterator[Stretch]:
    """Yield where the sentences and lines of `text[start:end]` stand, without the space between."""
    for match in _SENTENCE_END.finditer(text, start, end):
        if stretch := trimmed(text, start, match.end()):
            yield stretch
        start = match.end()
    if stretch := trimmed(text, start, end):
        yield stretch


def lines(text: str, start: int, end: int) -> Iterator[Stretch]:
    """Yield where the lines of `text[start:end]` stand that are not blank."""
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        if text[start:stop].strip():
            yield start, stop
        start = stop + 1


def trimmed(text: str, start: int, end: int) -> Stretch | None:
    """Return the stretch without white space at its ends, None if nothing is left."""
    part = text[start:end]
    if not (core := part.strip()):
        return None
    first = start + part.index(core[0])
    return first, first + len(core)
