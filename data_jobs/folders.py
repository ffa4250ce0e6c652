"""Walking a folder lazily, in order, and never in circles."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_jobs.errors import SourceError
from data_jobs.patterns import PathFilter, PathPattern


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file or folder; `below` is its path from the top of the walk.

    `whole` says that everything below it fits the pattern.
    """

    path: Path
    below: str
    is_folder: bool
    whole: bool


class FolderWalk:
    """Lists the ordinary files below a folder.

    Hidden files and folders are left out. Links are followed, but no folder is
    entered twice. With `roots`, links that lead out of all of them are left out.
    """

    def __init__(self, recursive: bool, files: PathFilter, roots: Sequence[Path] | None) -> None:
        self._recursive = recursive
        self._filter = files
        self._roots = None if roots is None else [root.resolve() for root in roots]

    def require_allowed(self, path: Path) -> None:
        """Raise `SourceError` for a path that lies outside the roots."""
        if not self._is_allowed(path):
            raise SourceError(
                f"{str(path)!r} lies outside the folders that may be read; "
                "name its folder in PMOVES_INGEST__ROOTS"
            )

    def files(self, base: Path, pattern: PathPattern | None = None) -> Iterator[Path | SourceError]:
        """Yield the files below `base` by name, folder by folder.

        With a `pattern`, only what matches it, or lies in a folder that does. A
        folder that cannot be read yields its error.
        """
        self.require_allowed(base)
        entered: set[tuple[int, int]] = set()
        waiting = [iter([_Entry(base, "", True, pattern is None)])]
        while waiting:
            entry = next(waiting[-1], None)
            if entry is None:
                waiting.pop()
            elif not entry.is_folder:
                yield entry.path
            elif _is_first_visit(entry.path, entered):
                try:
                    waiting.append(self._entries(entry, pattern))
                except OSError as error:
                    yield SourceError(f"{str(entry.path)!r} cannot be listed: {error.strerror}")

    def _entries(self, folder: _Entry, pattern: PathPattern | None) -> Iterator[_Entry]:
        with os.scandir(folder.path) as found:
            visible = [entry for entry in found if self._is_visible(entry, folder, pattern)]
        visible.sort(key=lambda entry: entry.name)
        # Lazily, so that looking at a million files does not come before the first.
        return (wanted for entry in visible if (wanted := self._wanted(entry, folder, pattern)))

    def _is_visible(
        self, entry: os.DirEntry[str], folder: _Entry, pattern: PathPattern | None
    ) -> bool:
        """Say whether `entry` is not hidden, or named with its dot by the pattern."""
        if not entry.name.startswith("."):
            return True
        below = _join(folder.below, entry.name)
        return not folder.whole and pattern is not None and pattern.begins_with(below)

    def _wanted(
        self, entry: os.DirEntry[str], folder: _Entry, pattern: PathPattern | None
    ) -> _Entry | None:
        below = _join(folder.below, entry.name)
        fits = folder.whole or (pattern is not None and pattern.matches(below))
        if entry.is_symlink() and not self._is_allowed(Path(entry.path)):
            return None
        if _is_folder(entry):
            enters = self._recursive if fits else pattern and pattern.begins_with(below)
            if enters and self._filter.takes_folder(below):
                return _Entry(Path(entry.path), below, True, fits)
        elif fits and _is_file(entry) and self._filter.takes_file(below):
            return _Entry(Path(entry.path), below, False, True)
        return None

    def _is_allowed(self, path: Path) -> bool:
        return self._roots is None or is_inside(path, self._roots)


def is_inside(path: Path, roots: Sequence[Path]) -> bool:
    """Say whether `path`, with every link followed, lies in one of the resolved `roots`."""
    try:
        real = path.resolve()
    except (OSError, RuntimeError):
        return False
    return any(real.is_relative_to(root) for root in roots)


def _is_first_visit(folder: Path, entered: set[tuple[int, int]]) -> bool:
    try:
        status = folder.stat()
    except OSError:
        return True
    key = status.st_dev, status.st_ino
    known = key in entered
    entered.add(key)
    return not known


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
