"""Patterns over file paths: `*`, `?`, `[…]` inside a name, `**` over folders."""

import fnmatch
import re
from collections.abc import Iterable, Sequence
from functools import partial

_MAGIC = re.compile(r"[*?\[]")
_ANY_FOLDERS = "**"


def has_magic(text: str) -> bool:
    """Say whether `text` holds characters that make it a pattern."""
    return _MAGIC.search(text) is not None


class PathPattern:
    """A pattern over relative paths parted by `/`; nothing but a dot matches a leading dot.

    Takes time in proportion to pattern and path, whatever the pattern.
    """

    def __init__(self, pattern: str, ignore_case: bool = False) -> None:
        names = [name for name in pattern.split("/") if name not in ("", ".")]
        flags = re.IGNORECASE if ignore_case else 0
        self._parts = [
            None if name == _ANY_FOLDERS else _name_pattern(name, flags) for name in names
        ]

    def matches(self, path: str) -> bool:
        """Say whether the whole of `path` fits."""
        return len(self._parts) in self._after(path)

    def begins_with(self, path: str) -> bool:
        """Say whether `path`, or something below it, can fit."""
        return bool(self._after(path))

    def _after(self, path: str) -> set[int]:
        """Return how many parts of the pattern can be used up by `path`."""
        states = self._skipping({0})
        for name in path.split("/") if path else ():
            states = self._skipping(state for at in states for state in self._step(at, name))
        return states

    def _step(self, state: int, name: str) -> Iterable[int]:
        if state == len(self._parts):
            return ()
        part = self._parts[state]
        if part is None:
            return () if name.startswith(".") else (state,)
        return (state + 1,) if part.match(name) else ()

    def _skipping(self, states: Iterable[int]) -> set[int]:
        """Add the states reached when `**` stands for no folder."""
        reached = set()
        for state in states:
            reached.add(state)
            while state < len(self._parts) and self._parts[state] is None:
                state += 1
                reached.add(state)
        return reached


def _name_pattern(name: str, flags: int) -> re.Pattern[str]:
    visible = "" if name.startswith(".") else r"(?!\.)"
    return re.compile(visible + fnmatch.translate(name), flags)


class PathFilter:
    """Chooses files by patterns, without regard to case.

    A pattern without `/` is compared with the name of a file, and an excluding
    one with the names of folders too; a pattern with `/` is compared with the
    path inside the source. Without including patterns every file is taken.
    """

    def __init__(self, include: Sequence[str], exclude: Sequence[str]) -> None:
        compiled = partial(PathPattern, ignore_case=True)
        self._include = [(_is_path(text), compiled(text)) for text in include]
        self._exclude = [(_is_path(text), compiled(text)) for text in exclude]

    def takes_file(self, path: str) -> bool:
        """Say whether the file at the relative `path` is wanted, if its folders are."""
        return (not self._include or _any(self._include, path)) and self.takes_folder(path)

    def takes_folder(self, path: str) -> bool:
        """Say whether the folder at the relative `path` is not excluded."""
        return not _any(self._exclude, path)


def _is_path(pattern: str) -> bool:
    return "/" in pattern.strip("/")


def _any(patterns: Sequence[tuple[bool, PathPattern]], path: str) -> bool:
    name = path.rpartition("/")[2]
    return any(pattern.matches(path if whole else name) for whole, pattern in patterns)
