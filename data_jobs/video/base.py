"""What is known of a video, and what a step of the chain finds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Literal, Protocol

from retrieval.chunk import JsonValue

Kind = Literal["captions", "automatic captions", "sound"]


def captions_kind(automatic: bool) -> Kind:
    """Return the kind of captions that people wrote, or that the platform recognised."""
    return "automatic captions" if automatic else "captions"


@dataclass(frozen=True, slots=True)
class Video:
    """One video: its page, and on YouTube its id."""

    url: str
    video_id: str | None = None

    @property
    def doc_id(self) -> str | None:
        """The id of its document, None for the one that its URL makes."""
        return f"yt:{self.video_id}" if self.video_id else None


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a platform tells of a video; `chapters` are pairs of second and title."""

    title: str = ""
    channel: str = ""
    channel_url: str = ""
    published: str = ""
    duration: float = 0.0
    language: str = ""
    description: str = ""
    thumbnail: str = ""
    tags: tuple[str, ...] = ()
    chapters: tuple[tuple[float, str], ...] = ()

    def completed(self, other: "VideoFacts") -> "VideoFacts":
        """Return these facts, and those of `other` where there is none."""
        missing = {
            each.name: getattr(other, each.name)
            for each in fields(self)
            if not getattr(self, each.name)
        }
        return replace(self, **missing)

    def short(self) -> dict[str, JsonValue]:
        """Return what belongs with every passage."""
        kept = ("channel", "channel_url", "published", "duration", "language", "thumbnail")
        return {name: getattr(self, name) for name in kept if getattr(self, name)}

    def long(self) -> dict[str, JsonValue]:
        """Return the rest, for the row of the document."""
        known = asdict(self)
        rest = {name: known[name] for name in ("description", "tags", "chapters") if known[name]}
        if "tags" in rest:
            rest["tags"] = list(self.tags)
        if "chapters" in rest:
            rest["chapters"] = [{"start": start, "title": title} for start, title in self.chapters]
        return rest


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller would have: languages, best first, and options of yt-dlp."""

    languages: tuple[str, ...]
    automatic: bool = True
    options: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transcript:
    """A file of captions or sound, and what is known of its video."""

    path: Path
    kind: Kind
    facts: VideoFacts
    language: str = ""


class Provider(Protocol):
    """Somebody who may have the captions or the sound of a video; safe from any thread.

    Both methods write into `folder`, and raise `Failure`.
    """

    host: str

    def captions(self, video: Video, wanted: Wanted, folder: Path) -> Transcript:
        """Return the captions of `video`."""
        ...

    def sound(self, video: Video, wanted: Wanted, folder: Path) -> Transcript:
        """Return the sound of `video`."""
        ...


@dataclass(frozen=True, slots=True)
class VideoNotes:
    """What travels with the document of a video: who was asked, and what is known of it."""

    video_id: str | None
    kind: Kind | None = None
    facts: VideoFacts = field(default_factory=VideoFacts)
    steps: tuple[JsonValue, ...] = ()

    def for_passages(self) -> dict[str, JsonValue]:
        """Return the metadata of every passage."""
        own: dict[str, JsonValue] = {"transcript": self.kind}
        if self.video_id:
            own |= {"source": "youtube", "video_id": self.video_id}
        return self.facts.short() | own

    def for_row(self) -> dict[str, JsonValue]:
        """Return the metadata of the document's row alone."""
        return self.facts.long() | ({"steps": list(self.steps)} if self.steps else {})
