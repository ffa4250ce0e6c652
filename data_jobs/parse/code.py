"""Source code: by functions and classes where it is Python, else by runs of lines."""

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data_jobs.parse import media_types
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.characters import clean_text
from data_jobs.parse.decode import decode_text
from data_jobs.parse.languages import language_of

_RUN = 60
# Longer ones are cut by runs of lines below their own heading.
_LONGEST_PART = 120
_PARTS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Part:
    """Lines `first` to `last` of a file, from 1; `name` is empty between functions."""

    name: str
    level: int
    first: int
    last: int


class CodeParser:
    """Each part below a heading with its name and lines."""

    name = "code"
    media_types = frozenset({media_types.CODE, media_types.PYTHON})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read a source file; Python that does not compile is read by lines."""
        text = clean_text(decode_text(path.read_bytes()))
        lines = text.split("\n")
        builder = DocumentBuilder(limits)
        known = media_type == media_types.PYTHON
        language = "python" if known else language_of(text, path.suffix)
        parts = (_python_parts(text) if known else None) or [Part("", 1, 1, len(lines))]
        for part in _filled(parts, len(lines)):
            _add(builder, part, lines)
        return builder.build(_docstring(text) if known else None, metadata={"language": language})


def _python_parts(text: str) -> list[Part] | None:
    """Return classes and functions, methods behind the head of their class."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return [part for node in tree.body for part in _parts(node, "", 1)]


def _parts(node: ast.stmt, above: str, level: int) -> Iterator[Part]:
    if not isinstance(node, _PARTS):
        return
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    last = node.end_lineno or node.lineno
    name = f"{above}.{node.name}" if above else node.name
    inner = [
        part for child in node.body for part in _parts(child, name, level + 1)
    ] if isinstance(node, ast.ClassDef) else []  # fmt: skip
    head = min([last, *(part.first - 1 for part in inner)])
    yield Part(name, level, first, head)
    yield from inner


def _filled(parts: list[Part], count: int) -> Iterator[Part]:
    """Yield the parts with what stands between them, long ones cut."""
    at = 1
    for part in [*parts, Part("", 1, count + 1, count)]:
        if part.first > at:
            yield from _cut(Part("", 1, at, part.first - 1))
        if part.last >= part.first:
            yield from _cut(part)
        at = max(at, part.last + 1)


def _cut(part: Part) -> Iterator[Part]:
    if part.last - part.first < (_LONGEST_PART if part.name else _RUN):
        yield part
        return
    for first in range(part.first, part.last + 1, _RUN):
        yield Part(part.name, part.level, first, min(first + _RUN - 1, part.last))


def _add(builder: DocumentBuilder, part: Part, lines: list[str]) -> None:
    text = "\n".join(lines[part.first - 1 : part.last])
    if text.strip():
        place = f"lines {part.first}–{part.last}"
        title = f"{part.name} ({place})" if part.name else place.capitalize()
        builder.add_heading(title, part.level)
        builder.add(text, "code")


def _docstring(text: str) -> str | None:
    """Return the first line of the docstring of a module."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = ast.get_docstring(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return found.split("\n")[0] if found else None
