"""Text that can be stored, indexed and shown: valid UTF-8 without control characters."""

import re
import unicodedata

_UNWANTED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u2028\u2029\ud800-\udfff"
    "\ufb00-\ufb06\ufdd0-\ufdef\ufeff\ufffe\uffff]"
)

_TABLE: dict[int, str] = {
    **dict.fromkeys([*range(0x09), *range(0x0E, 0x20), *range(0x7F, 0xA0)], ""),
    **dict.fromkeys([0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029], "\n"),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
    # Invisible marks and noncharacters would split or glue words in the index.
    **dict.fromkeys([0xAD, 0xFEFF, 0xFFFE, 0xFFFF, *range(0xFDD0, 0xFDF0)], ""),
    **{0xFB00 + i: s for i, s in enumerate(["ff", "fi", "fl", "ffi", "ffl", "st", "st"])},
}


def clean_text(text: str) -> str:
    """Return `text` fit for UTF-8: NFC, newlines as ``\\n``, no control characters.

    Lone surrogates become U+FFFD; soft hyphens, byte-order marks and
    noncharacters vanish; Latin ligatures are spelt out. Idempotent.
    """
    # The first test is only a faster way to say that most texts are clean.
    if text.isascii() and text.replace("\n", " ").replace("\t", " ").isprintable():
        return text
    if _UNWANTED.search(text):
        text = text.replace("\r\n", "\n").translate(_TABLE)
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def one_line(text: str) -> str:
    """Return `text` with every run of white space as one blank."""
    return " ".join(text.split())
