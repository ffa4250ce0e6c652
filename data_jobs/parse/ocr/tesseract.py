"""Tesseract, as a program of its own: one picture in, words with places and confidence out.

Output is its TSV: level, page, block, paragraph, line, word, left, top, width, height,
confidence, text (https://tesseract-ocr.github.io/tessdoc/Command-Line-Usage.html).
"""

import re
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from data_jobs.errors import NeedsOcrError, ParserCrashedError
from data_jobs.parse.options import OcrOptions
from data_jobs.parse.programs import find_program, memory_file, run_program
from data_jobs.parse.slots import cores, slot

if TYPE_CHECKING:
    from PIL import Image

INSTALL = "apt-get install tesseract-ocr"
_WORD = "5"
_ROTATE = re.compile(r"^Rotate: (\d+)", re.MULTILINE)
_SCRIPT = re.compile(r"^Script: (\w+)", re.MULTILINE)
_LANGUAGES = re.compile(r"[A-Za-z0-9_]+(?:\+[A-Za-z0-9_]+)*")
_START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Word:
    """A word, the block, paragraph and line it stands in, and its confidence, 0 to 100."""

    block: int
    paragraph: int
    line: int
    confidence: float
    text: str


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a picture has to be turned clockwise, in degrees, and the script of its text."""

    rotate: int
    script: str


def tesseract() -> str | None:
    """Return where the program is."""
    return find_program("tesseract")


@lru_cache(maxsize=4)
def installed_languages(program: str) -> frozenset[str]:
    """Return the languages that the program at that path can read."""
    done = run_program([program, "--list-langs"], _START_SECONDS)
    return frozenset(done.stdout.decode().split("\n")[1:]) - {"", "osd"}


def missing_languages(options: OcrOptions) -> list[str]:
    """Return those of the wanted languages that are not installed; all without the program."""
    program = tesseract()
    wanted = options.languages.split("+")
    known = installed_languages(program) if program else frozenset[str]()
    return [language for language in wanted if language not in known]


def is_available(options: OcrOptions) -> bool:
    """Return whether pictures can be read here."""
    return options.enabled and not missing_languages(options)


def advice(options: OcrOptions) -> str:
    """Say what turns OCR on where it is off."""
    if not options.enabled:
        return "Turn OCR on: PMOVES_INGEST__OCR__ENABLED=true."
    if tesseract() is None:
        return f"Install Tesseract: {INSTALL}"
    if not _LANGUAGES.fullmatch(options.languages):
        return "PMOVES_INGEST__OCR__LANGUAGES names languages joined by +, such as eng+deu."
    packages = " ".join(
        f"tesseract-ocr-{name.lower().replace('_', '-')}" for name in missing_languages(options)
    )
    return f"Install the languages: apt-get install {packages}"


def read_words(image: "Image.Image", options: OcrOptions) -> list[Word]:
    """Return the words of an upright picture; raises the errors of `_run`."""
    done = _run(image, options, "-l", options.languages, "--psm", "3", "tsv")
    return [word for row in done.splitlines()[1:] if (word := _word(row.split("\t")))]


def orientation(image: "Image.Image", options: OcrOptions) -> Orientation | None:
    """Return how a picture lies, None where it has too few letters to tell."""
    try:
        told = _run(image, options, "--psm", "0", "-l", "osd")
    except ParserCrashedError:
        return None
    rotate, script = _ROTATE.search(told), _SCRIPT.search(told)
    return Orientation(int(rotate[1]), script[1]) if rotate and script else None


def _word(cells: list[str]) -> Word | None:
    if len(cells) < 12 or cells[0] != _WORD or not (text := cells[11].strip()):
        return None
    block, paragraph, line = map(int, cells[2:5])
    return Word(block, paragraph, line, float(cells[10]), text)


def _run(image: "Image.Image", options: OcrOptions, *arguments: str) -> str:
    """Run the program on one picture.

    Raises `NeedsOcrError` when it is not installed, `LimitExceededError` after
    `page_seconds`, and `ParserCrashedError` when it fails on the picture.
    """
    program = tesseract()
    if program is None:
        raise NeedsOcrError(f"Reading pictures needs Tesseract. {advice(options)}")
    width, height = image.size
    picture = b"P5 %d %d 255\n%b" % (width, height, image.convert("L").tobytes())
    done: subprocess.CompletedProcess[bytes]
    # A file, for Tesseract reads its standard input letter by letter.
    with memory_file(picture) as file, slot("ocr", options.workers or cores(), seconds=600):
        command = [program, f"/proc/self/fd/{file}", "stdout", "--dpi", str(options.dpi)]
        done = run_program([*command, *arguments], options.page_seconds, files=[file])
    if done.returncode != 0:
        told = " ".join(done.stderr.decode("utf-8", "replace").split())[-300:]
        raise ParserCrashedError(f"tesseract ended with {done.returncode}: {told}")
    return done.stdout.decode("utf-8", "replace")
