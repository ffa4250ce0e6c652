"""Lines of a PDF page to paragraphs: by distance, size, indent and length."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from data_jobs.parse.pdf_lines import JOINED, Line

_BULLET = re.compile("[•▪◦‣●○■□\u2013*·-]\\s+\\S|\\(?(?:\\d{1,3}[.)]|[a-z]\\))\\s+\\S")
_BULLET_START = frozenset("•▪◦‣●○■□\u2013*·-(0123456789")
_SENTENCE_END = frozenset('.!?:;"。”')
_JOINED_WORD = re.compile(f"([\\w-]*){JOINED}(\\w?)")
_WIDE = r"\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
_WIDE_BREAK = re.compile(f"(?<=[{_WIDE}])[ \n](?=[{_WIDE}])")


@dataclass(slots=True)
class Paragraph:
    """Joined lines; `height` in points is that of its first line."""

    text: str
    height: float
    bullet: bool


def paragraphs(lines: Sequence[Line]) -> Iterator[Paragraph]:
    """Group the lines of one page, in the order in which the page has them."""
    if not lines:
        return
    leading, length = _leading(lines), _full_length(lines)
    start = 0
    for i, (above, line) in enumerate(pairwise(lines), start=1):
        if not _goes_on(above, line, leading) and _breaks(above, line, leading, length):
            yield _join(lines[start:i], length)
            start = i
    yield _join(lines[start:], length)


def _leading(lines: Sequence[Line]) -> float:
    """The usual distance between the lines of this page."""
    bottoms = [line.bottom for line in lines]
    steps = sorted([above - below for above, below in pairwise(bottoms) if above - below > 1])
    return steps[len(steps) // 2] if steps else 0.0


def _full_length(lines: Sequence[Line]) -> float:
    """How many characters a full line of this page has."""
    lengths = sorted([len(line.text) for line in lines])
    return 0.75 * lengths[len(lengths) * 4 // 5]


def _goes_on(above: Line, line: Line, leading: float) -> bool:
    """Whether `line` stands in the midst of a sentence: a quick test that spares most lines."""
    text, _, bottom, height = line
    return (
        height == above.height
        and 0 < above.bottom - bottom <= 1.25 * leading
        and above.text[-1] not in _SENTENCE_END
        and text[0].isalpha()
        and text[1:2] != ")"
    )


def _breaks(above: Line, line: Line, leading: float, length: float) -> bool:
    """Whether a new paragraph begins with `line`."""
    text, height = line.text, line.height
    if not 0.9 * height <= above.height <= 1.1 * height or _is_bullet(text):
        return True
    step = above.bottom - line.bottom
    ended = above.text[-1] in _SENTENCE_END
    if step < -0.5 * height:
        return ended or not text[0].islower()
    short = len(above.text) < length
    if step > 1.25 * leading * (1 + above.text.count(JOINED)):
        # The rows of a table stand apart, but belong together.
        row = short and not ended and len(text) < length and step < 2 * leading
        return not (row and abs(line.left - above.left) < 1)
    return ended and (short or line.left - above.left > 0.8 * height)


def _is_bullet(text: str) -> bool:
    starts = text[0] in _BULLET_START or text[1:2] == ")"
    return starts and _BULLET.match(text) is not None


def _join(lines: Sequence[Line], length: float) -> Paragraph:
    parts: list[str] = []
    for line in lines[:-1]:
        parts += (line.text, _separator(line.text, length))
    parts.append(lines[-1].text)
    text = "".join(parts)
    if JOINED in text:
        text = _JOINED_WORD.sub(_mend, text)
    if not text.isascii():
        text = _WIDE_BREAK.sub("", text)
    return Paragraph(text, lines[0].height, _is_bullet(lines[0].text))


def _separator(text: str, length: float) -> str:
    """What stands between a line and the next one of its paragraph."""
    if text[-1:] == "-" and text[-2:-1].isalnum():
        return ""
    # A line that stops early was broken on purpose: a verse, an address, a table.
    return " " if len(text) >= length else "\n"


def _mend(match: re.Match[str]) -> str:
    """Join the halves of a word; a compound or a name keeps its hyphen."""
    head, tail = match.groups()
    keeps = "-" in head or not head[-1:].isalpha() or not tail.islower()
    return f"{head}-{tail}" if keeps else head + tail
