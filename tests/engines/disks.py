"""A disk of an engine's own that is filled to the last byte, and gets room again."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.chaos.disk import take_all
from tests.cluster.chaos.striking import small_file_system


class Disk:
    """A file system at `folder` that is filled by a file of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, room: int = 0) -> None:
        """Leave `room` bytes free, and not one more."""
        with self._ballast.open("ab") as file:
            take_all(file.fileno())
            os.ftruncate(file.fileno(), os.fstat(file.fileno()).st_size - room)

    def free(self) -> None:
        """Give everything back."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def disk(folder: Path, size: str) -> Iterator[Disk]:
    """Mount a file system of `size` at `folder`; skip where that is denied."""
    with small_file_system(folder, size) as mounted:
        # Postgres runs as somebody else.
        mounted.chmod(0o755)
        yield Disk(mounted)
