"""Sound out of files, with PyAV, whose wheels hold the libraries of FFmpeg.

Each file is opened as the format that its first bytes show, and as no other: some
formats of FFmpeg are lists of further files and addresses to open.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_jobs.errors import UnreadableFileError, UnsupportedTypeError
from data_jobs.parse import media_types as types
from data_jobs.speech.base import SAMPLE_RATE, Samples

_FORMATS = {
    types.WAV: "wav",
    types.MP3: "mp3",
    types.FLAC: "flac",
    types.OGG: "ogg",
    types.AAC: "aac",
    types.AIFF: "aiff",
    types.M4A: "mov",
    types.MP4: "mov",
    types.QUICKTIME: "mov",
    types.MATROSKA: "matroska",
    types.WEBM: "matroska",
    types.AVI: "avi",
    types.ASF: "asf",
    types.FLV: "flv",
    types.MPEG_TS: "mpegts",
    types.MPEG: "mpeg",
}
_INSTALL = "pip install 'pmoves-mesh[audio]'"
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Chapter:
    """A named part of a recording that begins at `start` seconds."""

    start: float
    title: str


@contextmanager
def opened(path: Path, media_type: str) -> Iterator[Any]:
    """Open a recording as a PyAV container that has sound.

    Raises `UnreadableFileError` for a damaged file, also out of the body, and
    `UnsupportedTypeError` where PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise UnsupportedTypeError(
            f"Speech recognition is off: PyAV is not installed. Turn it on: {_INSTALL}"
        ) from error
    av.logging.set_level(None)
    try:
        with av.open(
            str(path),
            format=_FORMATS[media_type],
            options={"protocol_whitelist": "file"},
            metadata_errors="replace",
        ) as container:
            if not container.streams.audio:
                raise UnreadableFileError("The file holds no sound.")
            if container.streams.audio[0].codec_context is None:
                raise UnreadableFileError("The sound is coded in a way that FFmpeg does not know.")
            yield container
    except av.FFmpegError as error:
        raise UnreadableFileError(f"The recording is damaged: {error.strerror}.") from error


def duration_of(container: Any) -> float | None:
    """Return the length in seconds that the header tells, None where it tells none."""
    if container.duration is not None and container.duration > 0:
        return float(container.duration / _MICROSECONDS)
    stream = container.streams.audio[0]
    return float(stream.duration * stream.time_base) if stream.duration else None


def chapters_of(container: Any) -> list[Chapter]:
    """Return the chapters that have a name, in order."""
    found = []
    for chapter in container.chapters():
        title = chapter.get("metadata", {}).get("title", "")
        if title:
            found.append(Chapter(float(chapter["start"] * chapter["time_base"]), title))
    return sorted(found, key=lambda chapter: chapter.start)


def decoded(container: Any) -> Iterator[Samples]:
    """Yield the sound of the first audio stream, mono at 16 kHz, in [-1, 1], piece by piece.

    Packets that cannot be decoded are left out.
    """
    import av

    resampler: Any = None
    known: tuple[str, str, int] | None = None
    for frame in _frames(container):
        layout = (frame.format.name, frame.layout.name, frame.sample_rate)
        if layout != known:
            # Streams may change their rate or channels on the way.
            yield from _rest(resampler)
            known = layout
            resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        # Gaps and jumps in the time stamps are no business of the resampler.
        frame.pts = None
        yield from map(_samples, resampler.resample(frame))
    yield from _rest(resampler)


def _frames(container: Any) -> Iterator[Any]:
    import av

    for packet in container.demux(container.streams.audio[0]):
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            continue


def _rest(resampler: Any | None) -> Iterator[Samples]:
    if resampler is not None:
        yield from map(_samples, resampler.resample(None))


def _samples(frame: Any) -> Samples:
    samples: Samples = frame.to_ndarray().reshape(-1).astype(np.float32) / 32_768.0
    return samples
