"""Audio and video files: what their headers tell. Their words are recognised later."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_jobs.errors import UnreadableFileError
from data_jobs.parse import media_types
from data_jobs.parse.base import MetadataValue, ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.speech.decoding import chapters_of, duration_of, opened

# How much of what the header promises may be missing: rounding, and padding of encoders.
_MISSING_SHARE = 0.02
_MISSING_SECONDS = 1.0
# FFmpeg makes a guess at their length, from their first bit rate.
_ESTIMATED = (media_types.AAC,)
_RIFF = (media_types.WAV, media_types.AVI)
_OPEN_SIZE = 0xFFFF_FF00
_TAGS = {
    "artist": "author",
    "album": "album",
    "date": "date",
    "genre": "genre",
    "description": "description",
    "comment": "comment",
}


class RecordingParser:
    """Title, tags, chapters and length; a file that is cut off is refused."""

    name = "recording"
    media_types = media_types.RECORDINGS

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read the headers and walk through the packets, without decoding them."""
        builder = DocumentBuilder(limits)
        with opened(path, media_type) as container:
            promised = duration_of(container)
            for chapter in chapters_of(container):
                builder.add_heading(chapter.title, 1, t_start=chapter.start)
            tags = {name.lower(): value for name, value in container.metadata.items()}
            metadata = _metadata(container, tags)
            seconds, end = _seconds(container)
        least = (promised or 0.0) * (1 - _MISSING_SHARE) - _MISSING_SECONDS
        if media_type in _ESTIMATED:
            least = 0.0
        if end < least or (media_type in _RIFF and _is_short(path)):
            raise UnreadableFileError(f"The recording is cut off after {end:.0f} s.")
        metadata["duration"] = round(seconds, 3)
        return builder.build(tags.get("title"), metadata=metadata, needs_speech=True)


def _metadata(container: Any, tags: Mapping[str, str]) -> dict[str, MetadataValue | None]:
    found: dict[str, MetadataValue | None] = {own: tags.get(name) for name, own in _TAGS.items()}
    found["audio_codec"] = container.streams.audio[0].codec_context.name
    if container.streams.video:
        picture = container.streams.video[0]
        found |= {"width": picture.width, "height": picture.height}
    return found


def _seconds(container: Any) -> tuple[float, float]:
    """Return up to which second there is sound, and up to which there is anything."""
    sound = container.streams.audio[0].index
    ends: dict[int, float] = {}
    for packet in container.demux():
        if packet.pts is not None and packet.time_base:
            start = packet.stream.start_time or 0
            end = float((packet.pts + (packet.duration or 0) - start) * packet.time_base)
            ends[packet.stream_index] = max(end, ends.get(packet.stream_index, 0.0))
    if ends.get(sound, 0.0) <= 0:
        raise UnreadableFileError("The file holds no sound.")
    return ends[sound], max(ends.values())


def _is_short(path: Path) -> bool:
    """Whether a WAV or AVI file is shorter than it says; FFmpeg does not tell."""
    with path.open("rb") as file:
        head = file.read(8)
    told = int.from_bytes(head[4:8], "little")
    # Programs that write to a pipe leave the size open.
    return 0 < told < _OPEN_SIZE and path.stat().st_size < told + 8
