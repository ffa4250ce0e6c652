"""Mixed files to ingest: text PDFs, Word documents, web pages and Markdown, by a seed."""

import html
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from docx import Document

from eval.bench.material import pages
from eval.bench.pdf import write_text_pdf

_SECTIONS, _LINES, _PARAGRAPH = 4, 12, 6
_MOMENT = datetime(2026, 1, 1, 12)
# So far apart that files of different seeds share none of their text's own seeds.
_STRIDE = 100_000


@dataclass(frozen=True, slots=True)
class Article:
    """A title, and sections of a heading and lines."""

    title: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def paragraphs(self) -> list[tuple[str, list[str]]]:
        """Each section's heading with its paragraphs."""
        return [
            (
                heading,
                [" ".join(lines[at : at + _PARAGRAPH]) for at in range(0, _LINES, _PARAGRAPH)],
            )
            for heading, lines in self.sections
        ]


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


def _article(seed: int) -> Article:
    sections = []
    for heading, *lines in pages(_SECTIONS, _LINES + 1, seed):
        sections.append((_heading(heading), tuple(lines)))
    return Article(f"Report {seed}: {sections[0][0]}", tuple(sections))


def _heading(line: str) -> str:
    return " ".join(line.split()[:4]).strip(" .,:;*#`").capitalize()


def _write_pdf(file: Path, article: Article) -> None:
    shown = [[heading, "", *lines, ""] for heading, lines in article.sections]
    # Two sections a page.
    first, second = shown[0] + shown[1], shown[2] + shown[3]
    write_text_pdf(file, [[article.title, "", *first], second])


def _write_docx(file: Path, article: Article) -> None:
    document = Document()
    document.core_properties.created = document.core_properties.modified = _MOMENT
    document.add_heading(article.title, 0)
    for heading, paragraphs in article.paragraphs:
        document.add_heading(heading, 1)
        for paragraph in paragraphs:
            document.add_paragraph(paragraph)
    document.save(str(file))


def _write_html(file: Path, article: Article) -> None:
    body = [f"<h1>{html.escape(article.title)}</h1>"]
    for heading, paragraphs in article.paragraphs:
        body.append(f"<h2>{html.escape(heading)}</h2>")
        body += [f"<p>{html.escape(paragraph)}</p>" for paragraph in paragraphs]
    title = f"<title>{html.escape(article.title)}</title>"
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8">{title}</head>'
    file.write_text("\n".join([head, "<body>", *body, "</body></html>"]), encoding="utf-8")


def _write_markdown(file: Path, article: Article) -> None:
    parts: list[str] = [f"# {article.title}"]
    for heading, paragraphs in article.paragraphs:
        parts += [f"## {heading}", *paragraphs]
    file.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


_WRITERS: dict[str, Callable[[Path, Article], None]] = {
    ".pdf": _write_pdf,
    ".docx": _write_docx,
    ".html": _write_html,
    ".md": _write_markdown,
}
