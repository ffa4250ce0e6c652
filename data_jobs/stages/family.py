"""What one document may bring along in all, however it is nested."""

from dataclasses import dataclass
from typing import Self

from data_jobs.errors import LimitExceededError
from data_jobs.settings import IngestSettings


@dataclass(slots=True)
class Family:
    """Counts the files inside of one file, and their bytes."""

    most_members: int
    most_bytes: int
    members: int = 0
    bytes: int = 0

    @classmethod
    def within(cls, settings: IngestSettings) -> Self:
        """Return one that has counted nothing yet."""
        return cls(settings.archives.max_members, settings.max_expanded_bytes)

    def take(self, size: int) -> None:
        """Count one more file; `LimitExceededError` when that is too much."""
        self.members += 1
        self.bytes += size
        if self.members > self.most_members:
            raise LimitExceededError(
                f"more than {self.most_members:,} files lie inside of one file "
                "(PMOVES_INGEST__ARCHIVES__MAX_MEMBERS); this one comes after them"
            )
        if self.bytes > self.most_bytes:
            raise LimitExceededError(
                f"the files inside of one file have more than {self.most_bytes:,} bytes "
                "(PMOVES_INGEST__MAX_EXPANDED_BYTES); this one comes after them"
            )
