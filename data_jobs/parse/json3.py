"""Captions in YouTube's JSON3, as its player, yt-dlp and companions get them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from data_jobs.errors import UnreadableFileError
from data_jobs.parse import media_types
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.captions import Cue, unroll
from data_jobs.parse.characters import clean_text
from data_jobs.parse.decode import decode_text


class Json3Parser:
    """A block for each line; a line ends at the latest where the next one begins."""

    name = "json3"
    media_types = frozenset({media_types.JSON3})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read the events that hold text."""
        try:
            document = json.loads(decode_text(path.read_bytes()))
        except ValueError as error:
            raise UnreadableFileError(f"The captions are damaged: {error}") from error
        events = document.get("events") if isinstance(document, dict) else None
        builder = DocumentBuilder(limits)
        for cue in unroll(_in_turn(list(_cues(events if isinstance(events, list) else [])))):
            builder.add("\n".join(cue.lines), "cue", t_start=cue.start, t_end=cue.end)
        return builder.build()


def _cues(events: list[Any]) -> Iterator[Cue]:
    for event in events:
        if not isinstance(event, Mapping):
            continue
        pieces = event.get("segs") or []
        text = "".join(str(each.get("utf8", "")) for each in pieces if isinstance(each, Mapping))
        lines = tuple(line for line in map(str.strip, clean_text(text).split("\n")) if line)
        start = _seconds(event.get("tStartMs"))
        if lines:
            yield Cue(start, start + _seconds(event.get("dDurationMs")), lines)


def _in_turn(cues: list[Cue]) -> Iterator[Cue]:
    """Yield `cues` by time; those of automatic captions stay on the screen under the next."""
    cues.sort(key=lambda cue: cue.start)
    for number, cue in enumerate(cues):
        after = cues[number + 1].start if number + 1 < len(cues) else cue.end
        yield Cue(cue.start, max(cue.start, min(cue.end, after)), cue.lines)


def _seconds(value: object) -> float:
    try:
        return max(0, int(str(value))) / 1_000
    except ValueError:
        return 0.0
