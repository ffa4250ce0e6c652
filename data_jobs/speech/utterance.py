"""What is said in a recording or video, as others are told of it."""

from dataclasses import dataclass
from typing import Self

from data_jobs.parse.base import Block


@dataclass(frozen=True, slots=True)
class Utterance:
    """One stretch of a transcript, under the names of `ingest.transcript.ready.v1`."""

    start_s: float
    end_s: float
    text: str
    speaker: str | None = None

    @classmethod
    def of(cls, cue: Block) -> Self:
        """Return what a cue says, and when."""
        return cls(cue.t_start or 0.0, cue.t_end or 0.0, cue.text, cue.speaker)
