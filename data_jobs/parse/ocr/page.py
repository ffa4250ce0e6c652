"""One picture of a page to paragraphs: upright, level, read, and weighed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from data_jobs.parse.ocr.tesseract import Orientation, Word, orientation, read_words
from data_jobs.parse.options import OcrOptions

if TYPE_CHECKING:
    from PIL import Image

# Upright pages are read with 80 and more, others with 40 and less.
_DOUBTFUL = 65.0
_UPRIGHT_WORDS = 3


@dataclass(frozen=True, slots=True)
class OcrPage:
    """What was read of one page.

    `confidence` is the mean of its words by their length, 0 to 100; `rotated` the
    degrees by which it was turned clockwise; `script` is known of doubtful pages only.
    """

    paragraphs: tuple[str, ...] = ()
    confidence: float = 0.0
    rotated: int = 0
    script: str | None = None

    @property
    def characters(self) -> int:
        """The number of letters and digits."""
        return sum(map(str.isalnum, "".join(self.paragraphs)))


def read_page(image: "Image.Image", options: OcrOptions) -> OcrPage:
    """Read one page.

    A page that is hard to read is looked at again: how it lies, and in which script.
    """
    from data_jobs.parse.ocr.skew import deskewed

    grey = deskewed(image.convert("L"))
    words = read_words(grey, options)
    if len(words) < _UPRIGHT_WORDS or _confidence(words) >= _DOUBTFUL:
        return _page(words, options)
    lies = orientation(grey, options)
    if lies is None or lies.rotate == 0:
        return _page(words, options, Orientation(0, lies.script) if lies else None)
    turned = deskewed(image.convert("L").rotate(-lies.rotate, expand=True))
    again = read_words(turned, options)
    if _confidence(again) > _confidence(words):
        return _page(again, options, lies)
    return _page(words, options)


def _page(words: Sequence[Word], options: OcrOptions, lies: Orientation | None = None) -> OcrPage:
    kept = [
        found
        for found in _paragraphs(words)
        if _confidence(found) >= options.min_confidence and _has_word(found)
    ]
    return OcrPage(
        paragraphs=tuple(_joined(found) for found in kept),
        confidence=round(_confidence([word for found in kept for word in found]), 1),
        rotated=lies.rotate if lies else 0,
        script=lies.script if lies else None,
    )


def _paragraphs(words: Sequence[Word]) -> Iterator[list[Word]]:
    for _, found in groupby(words, key=lambda word: (word.block, word.paragraph)):
        yield list(found)


def _has_word(words: Sequence[Word]) -> bool:
    """Whether there is more than the dots and dashes that dust and frames give."""
    return any(sum(map(str.isalnum, word.text)) >= 2 or word.text.isdigit() for word in words)


def _joined(words: Sequence[Word]) -> str:
    """Return the lines as one text; words that were divided at line ends are whole again."""
    text = ""
    for _, found in groupby(words, key=lambda word: word.line):
        line = " ".join(word.text for word in found)
        divided = text.endswith("-") and text[-2:-1].isalpha() and line[:1].islower()
        text = text[:-1] + line if divided else f"{text} {line}".lstrip()
    return text


def _confidence(words: Sequence[Word]) -> float:
    size = sum(len(word.text) for word in words)
    return sum(word.confidence * len(word.text) for word in words) / size if size else 0.0
