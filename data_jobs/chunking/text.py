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
_SENTENCE_END = re.compile(
    r"[.!?…]+[\"'”’»)\]]*\s+(?=[\"'“‘«(\[]*[^\Wa-z])|[。！？]+[」』）]*\s*|\s*\n\s*"
)


def clean(text: str) -> str:
    """Return `text` without control characters, lone surrogates and endless white space."""
    text = _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _SURROGATE.sub("\ufffd", text)
    return _LONG_GAP.sub(lambda gap: "\n" if "\n" in gap[0] else " ", text).strip()


def is_spaced(text: str) -> bool:
    """Say whether white space parts all words of `text`."""
    return _UNSPACED_CHARACTER.search(text) is None


def words(text: str, start: int, end: int) -> Iterator[Stretch]:
    """Yield where the words of `text[start:end]` stand."""
    return (match.span() for match in _WORD.finditer(text, start, end))


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
