"""From the sound of a recording to its segments."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from data_jobs.errors import NoSpeechError
from data_jobs.parse.base import Block, MetadataValue
from data_jobs.speech.base import SAMPLE_RATE, Recognizer, Samples, Segment
from data_jobs.speech.guards import guarded
from data_jobs.speech.settings import SpeakerSettings
from data_jobs.speech.speakers import VoiceEncoder, speakers_of
from data_jobs.speech.voice import Speech, speech_in


@dataclass(slots=True)
class Transcript:
    """What is said in a recording, in which language, and who says so."""

    recognizer: str
    language: str = ""
    language_probability: float = 0.0
    segments: list[Segment] = field(default_factory=list)
    encoder: str = ""

    @property
    def confidence(self) -> float:
        """The mean confidence of the segments, by their length."""
        weights = [max(each.end - each.start, 0.01) for each in self.segments]
        pairs = zip(weights, self.segments, strict=True)
        return sum(weight * each.confidence for weight, each in pairs) / sum(weights)

    def metadata(self) -> dict[str, MetadataValue]:
        """Return what the document's metadata tell of its recognition."""
        told: dict[str, MetadataValue] = {
            "language": self.language,
            "language_probability": round(self.language_probability, 3),
            "speech_confidence": round(self.confidence, 3),
            "speech_model": self.recognizer,
        }
        if self.encoder:
            told["speaker_model"] = self.encoder
            told["speakers"] = len({each.speaker for each in self.segments if each.speaker})
        return told

    def blocks(self) -> list[Block]:
        """Return a cue for each segment."""
        return [
            Block(
                each.text,
                "cue",
                t_start=round(each.start, 3),
                t_end=round(max(each.start, each.end), 3),
                confidence=round(each.confidence, 3),
                speaker=each.speaker or None,
            )
            for each in self.segments
        ]


def transcribe(
    pieces: Iterable[Samples],
    recognizer: Recognizer,
    language: str = "",
    encoder: VoiceEncoder | None = None,
    speakers: SpeakerSettings | None = None,
) -> Transcript:
    """Recognise the words in mono sound at 16 kHz that comes in `pieces`.

    Only what is speech goes to the recogniser, a few minutes at a time. Without a
    `language`, the first half minute of speech tells it. With an
    `encoder`, segments are labelled with their `speakers`. Raises `NoSpeechError`.
    """
    transcript = Transcript(recognizer.name, language, 1.0 if language else 0.0)

    def spoken() -> Iterator[Segment]:
        for speech in speech_in(pieces):
            if not transcript.language:
                found = recognizer.detect_language(speech.samples)
                transcript.language, transcript.language_probability = found
            for segment in recognizer.segments(speech.samples, transcript.language):
                yield _placed(_voiced(segment, speech, encoder), speech)

    transcript.segments = list(guarded(spoken()))
    if not transcript.segments:
        raise NoSpeechError("Nobody speaks in the recording, or nothing could be understood.")
    if encoder is not None:
        transcript.encoder = encoder.name
        transcript.segments = _labelled(transcript.segments, speakers or SpeakerSettings())
    return transcript


def with_chapters(chapters: Iterable[Block], cues: Iterable[Block]) -> list[Block]:
    """Return `cues`, each chapter in front of the first one that begins with it or later."""
    waiting = list(chapters)
    found: list[Block] = []
    for cue in cues:
        while waiting and _middle(cue) >= (waiting[0].t_start or 0.0):
            found.append(waiting.pop(0))
        found.append(cue)
    return found


def _middle(cue: Block) -> float:
    return ((cue.t_start or 0.0) + (cue.t_end or 0.0)) / 2


def _voiced(segment: Segment, speech: Speech, encoder: VoiceEncoder | None) -> Segment:
    if encoder is None:
        return segment
    start, end = (round(second * SAMPLE_RATE) for second in (segment.start, segment.end))
    return replace(segment, voice=encoder.encode(speech.samples[max(start, 0) : end]))


def _labelled(segments: Sequence[Segment], settings: SpeakerSettings) -> list[Segment]:
    labels = speakers_of([each.voice for each in segments], settings)
    return [
        replace(each, speaker=label, voice=None)
        for each, label in zip(segments, labels, strict=True)
    ]


def _placed(segment: Segment, speech: Speech) -> Segment:
    start, end = speech.times(segment.start, segment.end)
    return replace(segment, start=start, end=end)
