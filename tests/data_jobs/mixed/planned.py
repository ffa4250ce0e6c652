"""What a generated file is to become."""

from dataclasses import dataclass, field
from pathlib import Path

from data_jobs.sources import source_uri
from data_jobs.stages.attachments import attachment_uri

LIMIT, DAMAGED, TYPE = "LimitExceededError", "UnreadableFileError", "UnsupportedTypeError"
EMPTY = "EmptyDocumentError"


@dataclass(frozen=True, slots=True)
class Planned:
    """One document: where it comes from, and what must be found in its passages alone.

    `reason` is the type of the error that quarantines it, None where it ends ready.
    `share` is how many of its words must come out at least; below 1 where they were
    recognised, whose sentences then need not be whole. `inside` is what it holds, `also` texts
    that others may have too.
    """

    source: str
    sentences: tuple[str, ...] = ()
    reason: str | None = None
    share: float = 1.0
    also: tuple[str, ...] = ()
    inside: tuple["Planned", ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes of a file to be, and what they hold."""

    data: bytes
    sentences: tuple[str, ...] = ()
    reason: str | None = None
    share: float = 1.0
    also: tuple[str, ...] = ()
    members: dict[str, "Content"] = field(default_factory=dict)

    def planned(self, source: str) -> Planned:
        """Return what becomes of it at `source`."""
        inside = tuple(
            content.planned(attachment_uri(source, name)) for name, content in self.members.items()
        )
        return Planned(source, self.sentences, self.reason, self.share, self.also, inside)


def written(path: Path, content: Content) -> Planned:
    """Write `content` to `path`; return what becomes of it."""
    path.write_bytes(content.data)
    return content.planned(source_uri(path))


def flat(planned: list[Planned]) -> list[Planned]:
    """Return all documents, those inside of others too."""
    return [each for one in planned for each in (one, *flat(list(one.inside)))]
