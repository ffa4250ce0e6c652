"""What the language model drafts, and what of it may stand."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from retrieval.answering.wire import Citation, Sentence
from retrieval.query import Hit


class DraftSentence(BaseModel):
    """One sentence, and the numbers of the passages that are said to state it."""

    model_config = ConfigDict(extra="forbid")

    text: str
    passages: list[int]


class Draft(BaseModel):
    """The form of an answer; no sentences: the passages do not hold it."""

    model_config = ConfigDict(extra="forbid")

    sentences: list[DraftSentence]


@dataclass(frozen=True, slots=True)
class Checked:
    """The sentences that may stand, and what was wrong with those that may not."""

    sentences: list[Sentence] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def check(draft: Sequence[DraftSentence], passages: Sequence[Hit]) -> Checked:
    """Return those sentences of `draft` that name passages which were read.

    Numbers of passages that are not there are struck out; a sentence without any other is
    a fault.
    """
    checked = Checked()
    for number, each in enumerate(draft, 1):
        text = " ".join(each.text.split())
        numbers = dict.fromkeys(at for at in each.passages if 1 <= at <= len(passages))
        if not text:
            continue
        if numbers:
            cited = [_citation(passages[at - 1]) for at in numbers]
            checked.sentences.append(Sentence(text=text, citations=cited))
        else:
            there = f"the passages are 1 to {len(passages)}"
            checked.faults.append(f"sentence {number} names {each.passages}, but {there}")
    return checked


def finished_sentences(text: str) -> list[DraftSentence]:
    """Return the sentences that stand complete in `text`, the beginning of a draft."""
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        return []
    for closing in ("", "]}"):
        try:
            return _sentences(_entries(from_json(text[start : end + 1] + closing)))
        except ValueError:
            continue
    # The brace stands inside a string, so the last entry is still growing.
    try:
        return _sentences(_entries(from_json(text[start:], allow_partial=True))[:-1])
    except ValueError:
        return []


def _entries(found: object) -> list[object]:
    entries = found.get("sentences") if isinstance(found, dict) else None
    return entries if isinstance(entries, list) else []


def _sentences(entries: Sequence[object]) -> list[DraftSentence]:
    """Return the sentences in `entries` up to the first that is none."""
    found: list[DraftSentence] = []
    for entry in entries:
        try:
            found.append(DraftSentence.model_validate(entry))
        except ValidationError:
            break
    return found


def _citation(hit: Hit) -> Citation:
    return Citation(
        chunk_id=hit.chunk_id, doc_id=hit.doc_id, namespace=hit.namespace, url=hit.source.url
    )
