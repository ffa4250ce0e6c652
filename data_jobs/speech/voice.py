"""Where somebody speaks: Silero's voice activity detection, as faster-whisper ships it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_jobs.speech.base import SAMPLE_RATE, Samples

# So much sound is held in memory, looked through and recognised at once.
_PIECE_SECONDS = 300
# A span of speech is parted at a short pause where it grows longer than Whisper hears at once.
_SPAN_SECONDS = 30.0
# A part of a word that seems to lie beyond a pause, in samples.
_SLACK = int(0.6 * SAMPLE_RATE)
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Speech:
    """The spoken parts of a stretch of sound, joined.

    `offset` is the second of the recording at which the stretch begins; `spans` are
    the parts, from sample to sample of the stretch.
    """

    samples: Samples
    offset: float
    spans: tuple[Span, ...]

    def times(self, start: float, end: float) -> tuple[float, float]:
        """Return when in the recording is spoken what stands at these seconds of `samples`.

        Recognisers let a word end or begin a little beyond a pause; a part of less
        than `_SLACK` on the far side of it is left out.
        """
        parts = list(self._parts(round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)))
        while len(parts) > 1 and parts[-1][1] - parts[-1][0] < _SLACK:
            parts.pop()
        while len(parts) > 1 and parts[0][1] - parts[0][0] < _SLACK:
            parts.pop(0)
        first, last = parts[0][0], parts[-1][1]
        return self.offset + first / SAMPLE_RATE, self.offset + last / SAMPLE_RATE

    def _parts(self, start: int, end: int) -> Iterator[Span]:
        """Yield the parts of the stretch that stand from sample `start` to `end` of the joined."""
        passed, found = 0, False
        for first, last in self.spans:
            low = max(start - passed, 0)
            high = min(end - passed, last - first)
            if low < high:
                found = True
                yield first + low, first + high
            passed += last - first
        if not found:
            yield self.spans[-1][1], self.spans[-1][1]


def speech_in(pieces: Iterable[Samples]) -> Iterator[Speech]:
    """Yield the speech of a recording that comes in `pieces`, a few minutes at a time.

    Stretches part where nobody speaks, or at a short pause.
    """
    held: list[Samples] = []
    size, offset = 0, 0.0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _PIECE_SECONDS * SAMPLE_RATE:
            sound = np.concatenate(held)
            spans = _spans(sound)
            cut = _cut(spans, len(sound))
            yield from _speech(sound, offset, [span for span in spans if span[1] <= cut])
            held, size, offset = [sound[cut:]], len(sound) - cut, offset + cut / SAMPLE_RATE
    if size:
        sound = np.concatenate(held)
        yield from _speech(sound, offset, _spans(sound))


def _speech(sound: Samples, offset: float, spans: list[Span]) -> Iterator[Speech]:
    if spans:
        joined = np.concatenate([sound[start:end] for start, end in spans])
        yield Speech(joined, offset, tuple(spans))


def _spans(sound: Samples) -> list[Span]:
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(max_speech_duration_s=_SPAN_SECONDS)
    found: list[dict[str, Any]] = get_speech_timestamps(sound, options)
    return [(int(span["start"]), int(span["end"])) for span in found]


def _cut(spans: list[Span], size: int) -> int:
    """Return where to part the sound: before a span that may go on behind its end."""
    if len(spans) > 1 and spans[-1][1] >= size - SAMPLE_RATE:
        return spans[-1][0]
    return size
