"""Bytes to text: byte-order marks, UTF-8, declared and guessed legacy encodings."""

import codecs
import re
from typing import TYPE_CHECKING

from data_jobs.errors import UnreadableFileError

if TYPE_CHECKING:
    from charset_normalizer import CharsetMatch

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 262_144
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
_WESTERN = "cp1252"
# Code pages that are common enough to win against Western European by a small margin.
_COMMON = frozenset({"cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"})
_EASTERN = frozenset(
    {"Croatian", "Czech", "Hungarian", "Polish", "Romanian", "Slovak", "Slovene", "Turkish"}
)
# The share of letters with accents that no Western European language passes in longer texts.
_MOST_ACCENTS = 0.07
# Parts of Korean syllables, which hardly stand alone; Japanese kana are taken for them.
_JAMO = re.compile("[\u3131-\u318e]")
_MOST_JAMO = 0.05
_SHORT = 200
_TOO_SHORT = 24


def decode_text(data: bytes, declared: str | None = None) -> str:
    """Return the text of `data`.

    A byte-order mark counts most, then UTF-8, then the `declared` encoding, then
    a guess. Raises `UnreadableFileError` where the bytes are not text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _checked(data[len(mark) :].decode(encoding, "replace"))
    return _checked(_decode_unmarked(data, declared))


def _decode_unmarked(data: bytes, declared: str | None) -> str:
    # Escapes are valid UTF-8 too, but with a declared encoding they belong to it.
    if declared and b"\x1b" in data and (text := _strict(data, declared)) is not None:
        return text
    # In a text, NUL bytes mean UTF-16 or UTF-32, and escapes a Japanese or Korean encoding.
    plain = b"\x00" not in data[:_SAMPLE] and b"\x1b$" not in data[:_SAMPLE]
    if plain and (text := _utf8(data)) is not None:
        return text
    if declared and (text := _strict(data, declared)) is not None:
        return text
    sample = data if len(data) <= _SAMPLE else data[: data.rfind(b"\n", 0, _SAMPLE) + 1 or _SAMPLE]
    return data.decode(_guess(sample) or "utf-8", "replace")


def _utf8(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    # A few broken characters among many that are right, or one cut off at the end.
    broken = text.count("\ufffd")
    right = len(text) - len(text.encode("ascii", "ignore")) - broken
    return text if 20 * broken < right or (broken == 1 and text[-1] == "\ufffd") else None


def _strict(data: bytes, encoding: str) -> str | None:
    name = encoding.strip().lower()
    # Browsers read Latin-1 as its superset, and so do those who write it.
    name = _WESTERN if name in ("iso-8859-1", "latin-1", "latin1", "us-ascii", "ascii") else name
    try:
        return data.decode(name)
    except (LookupError, UnicodeError, ValueError):
        return None


def _guess(data: bytes) -> str | None:
    accents = len(data) - len(data.decode("ascii", "ignore"))
    if len(data) < _TOO_SHORT and 2 * accents < len(data) and _strict(data, _WESTERN) is not None:
        # A name or a subject gives no language away.
        return _WESTERN
    # Slow to import, and most texts are UTF-8.
    from charset_normalizer import from_bytes

    matches = from_bytes(data)
    best = matches.best()
    if best is None:
        return None
    if len(_JAMO.findall(str(best))) > _MOST_JAMO * accents:
        best = next((match for match in matches if match.language == "Japanese"), best)
    western = next((match for match in matches if match.encoding == _WESTERN), None)
    return _WESTERN if western and _prefer_western(western, best) else best.encoding


def _prefer_western(western: "CharsetMatch", best: "CharsetMatch") -> bool:
    """Short texts fit many encodings; among near equals the most common one wins."""
    margin = 0.01 if best.encoding in _COMMON else 0.1
    text = str(western)[:10_000]
    foreign = sum(not character.isascii() for character in text) / max(len(text), 1)
    return (
        western.coherence >= best.coherence - margin
        and western.chaos <= best.chaos + 0.15
        and not {western.language, best.language} <= _EASTERN
        and foreign <= (_MOST_ACCENTS if len(text) > _SHORT else 0.5)
    )


def _checked(text: str) -> str:
    sample = text[:_SAMPLE]
    if len(_CONTROL.findall(sample)) > 0.1 * len(sample):
        raise UnreadableFileError("The file holds binary data where text was expected.")
    return text
