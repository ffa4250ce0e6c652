"""What passages say of two names: who did what, and which passage says so."""

from dataclasses import dataclass

CO_MENTION = "CO_MENTION"


@dataclass(frozen=True, slots=True)
class Statement:
    """A relation that a text states between two names, as they stand there.

    `type` is in capitals, `CO_MENTION` where the names only share a sentence. The evidence
    are the characters of the text from `start` up to `end`; `confidence` lies in [0, 1].
    """

    subject: str
    type: str
    object: str
    confidence: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Relation:
    """A statement of one chunk; `start` and `end` count in its indexed text.

    Names are kept as they stand in the passage. Which entities they mean is for whoever
    reads them to look up, so that a changed dictionary needs no change here.
    """

    namespace: str
    doc_id: str
    chunk_id: str
    subject: str
    type: str
    object: str
    confidence: float
    start: int
    end: int
