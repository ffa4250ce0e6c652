"""What a speech recogniser takes and gives."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
Samples = npt.NDArray[np.float32]
# What tells one voice from another: a vector of length 1.
Voice = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Segment:
    """Words spoken from `start` to `end`, in seconds.

    `confidence` is the geometric mean of the probabilities of its tokens, 0 to 1.
    `no_speech` is the probability that nobody speaks, and `compression` how often
    shorter gzip makes the text; both tell inventions and loops apart from speech. `voice`
    and `speaker` are there where speakers are told apart.
    """

    start: float
    end: float
    text: str
    confidence: float
    no_speech: float = 0.0
    compression: float = 1.0
    voice: Voice | None = field(default=None, compare=False, repr=False)
    speaker: str = ""


class Recognizer(Protocol):
    """A loaded model; for one thread."""

    name: str

    def detect_language(self, samples: Samples) -> tuple[str, float]:
        """Return the code of the language that is spoken, and how likely that is."""
        ...

    def segments(self, samples: Samples, language: str) -> Iterator[Segment]:
        """Yield what is said in mono `samples` at 16 kHz, in order."""
        ...
