"""The labelled sentences, in two halves: one to write rules by, one to judge them.

A sentence belongs to a half by its SHA-256, so that nobody chooses where it goes.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

SENTENCES = Path(__file__).with_name("sentences.jsonl")


@dataclass(frozen=True, slots=True)
class Stated:
    """One relation that a sentence states: names as they stand there, and a type."""

    subject: str
    type: str
    object: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and all that it states between names."""

    text: str
    relations: tuple[Stated, ...]

    @property
    def held_out(self) -> bool:
        """Whether it judges the rules; the others are there to write them by."""
        return int(hashlib.sha256(self.text.encode()).hexdigest(), 16) % 2 == 1


def labelled_sentences() -> list[Sentence]:
    """Return all sentences, in the order of the file."""
    rows = map(json.loads, SENTENCES.read_text("utf-8").splitlines())
    return [
        Sentence(row["text"], tuple(Stated(*stated) for stated in row["relations"])) for row in rows
    ]
