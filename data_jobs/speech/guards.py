"""Guards against what Whisper makes up: loops, and sentences for sounds without words."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from data_jobs.speech.base import Segment

# OpenAI's own bounds, from `whisper.transcribe`.
_NO_SPEECH = 0.6
_LEAST_CONFIDENCE = 0.368
_LOOPING = 2.4
# So many equal segments in a row are taken for speech; what follows them is a loop.
_MOST_EQUAL = 2
_MOST_REPEATED = 3
_LONGEST_PHRASE = 12
_LETTER = re.compile(r"\w")
# What Whisper learnt from the ends of films, and tells of silence and music.
_CREDITS = re.compile(
    r"(?:thanks?|thank you)(?: (?:so|very) much)? for watching\b.*|"
    r"(?:please )?(?:like and )?subscribe\b.*|"
    r"subtitles? by\b.*|subtitled by\b.*|captions? by\b.*|transcribed by\b.*|"
    r"untertitel\b.*|sous-titr\w*\b.*|amara\.org.*|"
    r"(?:you|bye|thank you|okay|so|the)",
    re.IGNORECASE,
)
_DOUBTFUL = 0.6


def guarded(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Yield the segments that are speech; loops inside a segment and across them are cut."""
    last, equal = "", 0
    for segment in segments:
        if _is_invented(segment):
            continue
        segment = replace(segment, text=unlooped(segment.text))
        plain = _plain(segment.text)
        equal = equal + 1 if plain == last else 1
        last = plain
        if plain and equal <= _MOST_EQUAL:
            yield segment


def unlooped(text: str) -> str:
    """Return `text`, in which no phrase of up to a dozen words stands four times in a row."""
    words = text.split()
    plain = [_plain(word) for word in words]
    kept: list[str] = []
    at = 0
    while at < len(words):
        length, times = _loop(plain, at)
        kept += words[at : at + length]
        at += length * times
    return " ".join(kept)


def _loop(words: list[str], at: int) -> tuple[int, int]:
    """Return the length of the phrase that is repeated from `at` on, and how often it stands."""
    for length in range(1, _LONGEST_PHRASE + 1):
        phrase = words[at : at + length]
        times = 1
        while words[at + times * length : at + (times + 1) * length] == phrase:
            times += 1
        if times > _MOST_REPEATED and any(phrase):
            return length, times
    return 1, 1


def _is_invented(segment: Segment) -> bool:
    if not _LETTER.search(segment.text):
        return True
    if segment.no_speech > _NO_SPEECH and segment.confidence < _LEAST_CONFIDENCE:
        return True
    if segment.compression > _LOOPING and segment.confidence < _DOUBTFUL:
        return True
    doubtful = segment.confidence < _DOUBTFUL or segment.no_speech > _NO_SPEECH
    return doubtful and _CREDITS.fullmatch(segment.text.strip(" .!,")) is not None


def _plain(text: str) -> str:
    return "".join(_LETTER.findall(text)).casefold()
