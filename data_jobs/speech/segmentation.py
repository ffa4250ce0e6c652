"""Cutting speech where its kind of recording pauses: talk, dialogue, lyrics, long talk.

The profiles and how they are told apart are those of the predecessor.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from data_jobs.parse.base import Block
from data_jobs.speech.settings import Profile, SegmentationSettings

_SENTENCE_END = (".", "!", "?", "…")
_MUSIC = re.compile(r"\[music\]|[♪♫]", re.IGNORECASE)
_FEW_WORDS = 6
_LYRIC_WORDS = 8
_EARLY = 0.75


@dataclass(frozen=True, slots=True)
class Cut:
    """Bounds of one passage: seconds, seconds of silence, and characters."""

    target: float
    gap: float
    least: int
    most: int
    longest: float


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Means over the cues of a transcript: seconds, words and silence of one, words a second.

    `unique` is the share of cues whose text is new, `short` that of lines of few words.
    """

    seconds: float
    words: float
    gap: float
    rate: float
    unique: float
    short: float
    music: bool


def segmented(blocks: Iterable[Block], settings: SegmentationSettings) -> list[Block]:
    """Return `blocks`, of whose cues those are marked that open a passage."""
    found = list(blocks)
    if settings.profile == "off":
        return found
    cues = [block for block in found if _is_timed(block)]
    if not cues:
        return found
    return list(_marked(found, cut_of(profile_of(cues, settings.profile), settings)))


def profile_of(cues: Sequence[Block], wanted: Profile = "auto") -> Profile:
    """Return `wanted`, or what `cues` sound like."""
    if wanted != "auto":
        return wanted
    rhythm = rhythm_of(cues)
    repeated = rhythm.short > 0.6 and rhythm.unique < 0.9 and rhythm.words < _LYRIC_WORDS
    if rhythm.music or repeated:
        return "lyrics"
    if rhythm.seconds < 3 and rhythm.words < 12 and rhythm.gap < 0.8 and rhythm.rate >= 2.0:
        return "dialogue"
    if rhythm.seconds >= 3.5 and rhythm.words >= 12 and rhythm.rate <= 2.0:
        return "talk-long"
    return "talk"


def rhythm_of(cues: Sequence[Block]) -> Rhythm:
    """Return the rhythm of `cues`, of which there is one at least."""
    times = [_times(cue) for cue in cues]
    words = [len(cue.text.split()) for cue in cues]
    spoken = sum(end - start for start, end in times)
    gaps = [max(0.0, times[at][0] - times[at - 1][1]) for at in range(1, len(times))]
    texts = [cue.text.casefold() for cue in cues]
    return Rhythm(
        seconds=spoken / len(cues),
        words=sum(words) / len(cues),
        gap=sum(gaps) / max(len(gaps), 1),
        rate=sum(words) / spoken if spoken else 0.0,
        unique=len(set(texts)) / len(texts),
        short=sum(count < _LYRIC_WORDS for count in words) / len(words),
        music=any(_MUSIC.search(text) for text in texts),
    )


def cut_of(profile: Profile, own: SegmentationSettings) -> Cut:
    """Return the bounds of `profile`, which follow those that are set for talk."""
    talk = Cut(
        own.target_seconds,
        own.gap_seconds,
        own.min_characters,
        own.max_characters,
        own.max_seconds,
    )
    if profile == "dialogue":
        least, most = max(400, talk.least - 200), min(1_200, talk.most)
        return Cut(max(15, 0.67 * talk.target), 0.8, least, most, min(45, talk.longest))
    if profile == "lyrics":
        return Cut(15, 0.6, 350, 900, 30)
    if profile == "talk-long":
        target, gap = min(50, 1.33 * talk.target), max(1.5, talk.gap)
        most, longest = min(1_800, talk.most + 300), min(75, talk.longest + 15)
        return Cut(target, gap, max(700, talk.least), most, longest)
    return talk


def _marked(blocks: Sequence[Block], cut: Cut) -> Iterator[Block]:
    passage = _Passage(cut)
    for block in blocks:
        if _is_timed(block):
            yield replace(block, opens=passage.take(block))
        else:
            passage.end()
            yield block


class _Passage:
    """The passage that is open: since when, until when, and its characters."""

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self._open = False
        self._start = self._end = 0.0
        self._characters = 0

    def take(self, cue: Block) -> bool:
        """Add a cue; return whether a new passage begins with it."""
        start, end = _times(cue)
        opens = not self._open or self._is_full(start, end, len(cue.text))
        if opens:
            self._start, self._characters = start, 0
        self._end = end
        self._characters += len(cue.text) + 1
        self._open = not self._is_done(cue.text)
        return opens

    def end(self) -> None:
        """Close the passage."""
        self._open = False

    def _is_full(self, start: float, end: float, characters: int) -> bool:
        """Whether a cue with these times no longer goes in."""
        return (
            start - self._end > self._cut.gap
            or end - self._start > self._cut.longest
            or self._characters + characters > self._cut.most
        )

    def _is_done(self, text: str) -> bool:
        target = self._cut.target * (_EARLY if len(text.split()) < _FEW_WORDS else 1)
        ended = text.rstrip().endswith(_SENTENCE_END) and self._characters >= self._cut.least
        return ended or self._end - self._start >= target


def _is_timed(block: Block) -> bool:
    return block.kind == "cue" and block.t_start is not None and block.t_end is not None


def _times(cue: Block) -> tuple[float, float]:
    return cue.t_start or 0.0, cue.t_end or 0.0
