"""Captions (WebVTT and SubRip), with webvtt-py."""

import html
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from webvtt import WebVTT
from webvtt.errors import MalformedCaptionError, MalformedFileError
from webvtt.models import Caption, Timestamp

from data_jobs.errors import UnreadableFileError
from data_jobs.parse import media_types
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.characters import clean_text
from data_jobs.parse.decode import decode_text

_VOICE = re.compile(r"<v(?:\.[^\s>]*)?[ \t]+([^<>\n]+)>")
_OVERRIDE = re.compile(r"\{\\[^{}\n]*\}")
_SRT_TIMES = re.compile(r"^([ \t]*[\d:]+),(\d+[ \t]*-->[ \t]*[\d:]+),(\d+)", re.MULTILINE)
_HEADER = re.compile(r"WEBVTT[ \t]*-?[ \t]*(.*)((?:\n.+)*)")
# Cues that follow each other this closely may repeat each other's lines, in seconds.
_ROLLING_GAP = 0.5


@dataclass(frozen=True, slots=True)
class Cue:
    """The lines shown from `start` to `end`, in seconds."""

    start: float
    end: float
    lines: tuple[str, ...]


class CaptionsParser:
    """A block for each cue; speakers are put before their words."""

    name = "captions"
    media_types = frozenset({media_types.VTT, media_types.SRT})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read captions; lines that roll up from cue to cue are told once."""
        text = clean_text(decode_text(path.read_bytes()))
        captions = _read_srt(text) if media_type == media_types.SRT else _read_vtt(text)
        builder = DocumentBuilder(limits)
        for cue in unroll(map(_cue, captions)):
            builder.add("\n".join(cue.lines), "cue", t_start=cue.start, t_end=cue.end)
        title, metadata = _header(text)
        return builder.build(title, metadata=metadata)


def unroll(cues: Iterable[Cue]) -> Iterator[Cue]:
    """Leave out the lines that a cue repeats from the one before it."""
    shown: tuple[str, ...] = ()
    last: Cue | None = None
    for cue in cues:
        near = last is not None and abs(cue.start - last.end) <= _ROLLING_GAP
        new = cue.lines[_overlap(shown, cue.lines) if near else 0 :]
        shown = cue.lines
        if last is not None and not new:
            last = replace(last, end=max(last.end, cue.end))
            continue
        if last is not None:
            yield last
        last = replace(cue, lines=new)
    if last is not None:
        yield last


def _overlap(above: tuple[str, ...], below: tuple[str, ...]) -> int:
    """How many lines at the end of `above` are those at the start of `below`."""
    most = min(len(above), len(below))
    return next((n for n in range(most, 0, -1) if above[-n:] == below[:n]), 0)


def _cue(caption: Caption) -> Cue:
    caption.text = _VOICE.sub(r"\1: ", caption.raw_text)
    text = _OVERRIDE.sub("", html.unescape(caption.text))
    lines = tuple(line for line in map(str.strip, clean_text(text).split("\n")) if line)
    start = _seconds(caption.start_time)
    return Cue(start, max(start, _seconds(caption.end_time)), lines)


def _seconds(time: Timestamp) -> float:
    hours, minutes, seconds, milliseconds = time.to_tuple()
    return hours * 3_600 + minutes * 60 + seconds + milliseconds / 1_000


def _read_srt(text: str) -> list[Caption]:
    try:
        return WebVTT.from_buffer(io.StringIO(text.strip()), format="srt").captions
    except (MalformedFileError, MalformedCaptionError):
        # No numbers, or a broken one: then it is WebVTT but for the header and the commas.
        return _read_vtt("WEBVTT\n\n" + _SRT_TIMES.sub(r"\1.\2.\3", text))


def _read_vtt(text: str) -> list[Caption]:
    try:
        return WebVTT.from_string(text).captions
    except (MalformedFileError, MalformedCaptionError) as error:
        raise UnreadableFileError(f"The captions are damaged: {error}") from error


def _header(text: str) -> tuple[str | None, dict[str, str]]:
    """Return the title and the values, such as the language, of a WebVTT header."""
    header = _HEADER.match(text)
    if header is None:
        return None, {}
    pairs = (line.partition(":") for line in header[2].split("\n"))
    values = {name.strip().lower(): value.strip() for name, _, value in pairs if value}
    return header[1], {name: values[name] for name in ("kind", "language") if name in values}
