"""Files that come out of another one, counted while they are written."""

from pathlib import Path
from typing import IO

from data_jobs.errors import LimitExceededError
from data_jobs.parse.archive import HARMLESS_BYTES
from data_jobs.parse.base import Attachment, ParseLimits

_PIECE = 1 << 20


class Unpacking:
    """Writes members into `folder`, and stops when they are too many or too large.

    `packed` is the size of the archive in bytes. Files are called by their numbers, so
    that no name of a member can lead anywhere.
    """

    def __init__(self, folder: Path, packed: int, limits: ParseLimits) -> None:
        self._folder = folder
        self._packed = max(packed, 1)
        self._limits = limits
        self._written = 0
        self._count = 0

    def check_members(self, count: int) -> None:
        """Raise if an archive may not have as many members."""
        most = self._limits.options.archives.max_members
        if count > most:
            raise LimitExceededError(
                f"The archive has {count:,} files or more; the limit is {most:,} "
                "(PMOVES_INGEST__ARCHIVES__MAX_MEMBERS)."
            )

    def check_size(self, size: int) -> None:
        """Raise if an archive may not unpack to `size` bytes."""
        most, ratio = self._limits.max_expanded_bytes, self._limits.options.archives.max_ratio
        if size > most:
            raise LimitExceededError(
                f"The archive unpacks to {size:,} bytes or more; the limit is {most:,} "
                "(PMOVES_INGEST__MAX_EXPANDED_BYTES). It may be a bomb."
            )
        if size > HARMLESS_BYTES and size > ratio * self._packed:
            raise LimitExceededError(
                f"The archive unpacks to more than {ratio:g} times its size "
                "(PMOVES_INGEST__ARCHIVES__MAX_RATIO). It may be a bomb."
            )

    def write(self, name: str, source: IO[bytes]) -> Attachment:
        """Write one member; return it under `name`."""
        self._count += 1
        self.check_members(self._count)
        path = self._folder / str(self._count)
        with path.open("xb") as target:
            while piece := source.read(_PIECE):
                self._written += len(piece)
                self.check_size(self._written)
                target.write(piece)
        return Attachment(name, path=str(path))
