"""Mixed files to ingest: text PDFs, Word documents, web pages and Markdown, by a seed.

They are written in the sample library's own sentences, since a model's tokenizer cuts
prose otherwise than code or lists.
"""

import html
import random
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from docx import Document

from eval.bench.pdf import write_text_pdf
from eval.library import library_files

_SECTIONS, _PARAGRAPHS, _WORDS = 4, 2, 60
_HEADING_WORDS = 4
_LINE = 90
_PROSE = (".md", ".txt")
_END = re.compile(r"(?<=[.!?])\s+")
_SENTENCE = re.compile(r"[A-Z][\w ,;:'’()–-]{30,250}[.!?]")
_MOMENT = datetime(2026, 1, 1, 12)
# So far apart that no file of a round is one of another.
_STRIDE = 100_000


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with its paragraphs."""

    heading: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Article:
    """A title and sections."""

    title: str
    sections: tuple[Section, ...]


def write_files(folder: Path, count: int, seed: int) -> Path:
    """Write `count` files of some 500 words, the four formats in turn; return `folder`.

    The same seed gives the same contents.
    """
    folder.mkdir(parents=True)
    writers = list(_WRITERS.items())
    for number in range(count):
        suffix, write = writers[number % len(writers)]
        write(folder / f"{number:04}{suffix}", _article(seed * _STRIDE + number))
    return folder


@cache
def _sentences() -> list[str]:
    """Return the plain sentences of the sample library's texts."""
    files = sorted(file for file in library_files().iterdir() if file.suffix in _PROSE)
    lines = [line for file in files for line in file.read_text("utf-8", "replace").splitlines()]
    parts = [part for line in lines for part in _END.split(line)]
    return [part for part in dict.fromkeys(parts) if _SENTENCE.fullmatch(part)]


def _article(seed: int) -> Article:
    rng = random.Random(seed)
    sections = tuple(_section(rng) for _ in range(_SECTIONS))
    return Article(f"Report {seed}: {sections[0].heading}", sections)


def _section(rng: random.Random) -> Section:
    heading = " ".join(rng.choice(_sentences()).split()[:_HEADING_WORDS]).strip(",;:")
    return Section(heading, tuple(_paragraph(rng) for _ in range(_PARAGRAPHS)))


def _paragraph(rng: random.Random) -> str:
    text = ""
    while len(text.split()) < _WORDS:
        text = f"{text} {rng.choice(_sentences())}"
    return text.strip()


def _write_pdf(file: Path, article: Article) -> None:
    shown = [
        [section.heading, *(line for text in section.paragraphs for line in _lines(text))]
        for section in article.sections
    ]
    # Two sections a page.
    write_text_pdf(file, [[article.title, *shown[0], *shown[1]], [*shown[2], *shown[3]]])


def _lines(paragraph: str) -> list[str]:
    return ["", *textwrap.wrap(paragraph, _LINE)]


def _write_docx(file: Path, article: Article) -> None:
    document = Document()
    document.core_properties.created = document.core_properties.modified = _MOMENT
    document.add_heading(article.title, 0)
    for section in article.sections:
        document.add_heading(section.heading, 1)
        for paragraph in section.paragraphs:
            document.add_paragraph(paragraph)
    document.save(str(file))


def _write_html(file: Path, article: Article) -> None:
    body = [f"<h1>{html.escape(article.title)}</h1>"]
    for section in article.sections:
        body.append(f"<h2>{html.escape(section.heading)}</h2>")
        body += [f"<p>{html.escape(paragraph)}</p>" for paragraph in section.paragraphs]
    title = f"<title>{html.escape(article.title)}</title>"
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8">{title}</head>'
    file.write_text("\n".join([head, "<body>", *body, "</body></html>"]), encoding="utf-8")


def _write_markdown(file: Path, article: Article) -> None:
    parts: list[str] = [f"# {article.title}"]
    for section in article.sections:
        parts += [f"## {section.heading}", *section.paragraphs]
    file.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


_WRITERS: dict[str, Callable[[Path, Article], None]] = {
    ".pdf": _write_pdf,
    ".docx": _write_docx,
    ".html": _write_html,
    ".md": _write_markdown,
}
