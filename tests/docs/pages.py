"""The pages as texts, and the examples in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(?:^|\s{2,})#[^\n]*$", re.MULTILINE)
_ASSIGNMENT = re.compile(r"[A-Z_]+=")


@dataclass(frozen=True, slots=True)
class Page:
    """One Markdown file; `name` is its path inside the checkout."""

    name: str
    text: str

    @property
    def path(self) -> Path:
        """Where it lies."""
        return ROOT / self.name

    @property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return _FENCE.sub("", self.text)

    def blocks(self, *languages: str) -> list[str]:
        """Return the fenced blocks in one of `languages`."""
        return [code for language, code in _FENCE.findall(self.text) if language in languages]

    def commands(self) -> list[list[str]]:
        """Return the words of every command in its shell blocks."""
        return [words for block in self.blocks("sh") for words in _commands(block)]

    def rows(self) -> list[list[str]]:
        """Return the cells of every row of its tables."""
        lines = [line for line in self.text.splitlines() if line.startswith("| ")]
        return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]

    def row(self, first: str) -> list[str]:
        """Return the row whose first cell is `first`, as code."""
        found = [row for row in self.rows() if row[0] == f"`{first}`"]
        assert len(found) == 1, f"{self.name} has {len(found)} rows for {first}"
        return found[0]


def read_page(name: str) -> Page:
    """Return the page at `name`, a path inside the checkout."""
    return Page(name, (ROOT / name).read_text(encoding="utf-8"))


def all_pages() -> list[Page]:
    """Return every page of the documentation, and those at the top of the checkout."""
    names = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
    names += [str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))]
    return [read_page(name) for name in names]


def _commands(block: str) -> Iterator[list[str]]:
    """Yield the commands of a shell block; settings and folders in front of them are left out."""
    plain = _COMMENT.sub("", block.replace("\\\n", " "))
    lexer = shlex.shlex(plain, posix=True, punctuation_chars="\n;|&")
    lexer.whitespace = " \t"
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for word in [*lexer, "\n"]:
        if word.strip("\n;|&"):
            words.append(word)
        elif words:
            yield _bare(words)
            words = []


def _bare(words: list[str]) -> list[str]:
    while words and _ASSIGNMENT.match(words[0]):
        words = words[1:]
    return [words[0].removeprefix(".venv/bin/"), *words[1:]] if words else []
