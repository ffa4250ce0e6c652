"""Where the sample documents lie, and the questions asked about them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import TypeAdapter

from retrieval.ids import content_hash

FOLDER = Path(__file__).parent

Needs = Literal["dense", "lexical", "both"]


@dataclass(frozen=True, slots=True)
class Question:
    """One demo question with the document that answers it.

    `expect` is a file name in `library_files()`; `answer_contains` stands in the
    passage that answers; `why` says what makes the question hard. `needs` names
    the retriever without which the document is not among the first three, or
    `both` where either of them finds it.
    """

    question: str
    expect: str
    why: str
    answer_contains: str
    needs: Needs


def library_files() -> Path:
    """Return the folder with the sample documents."""
    return FOLDER / "files"


def labelled_questions() -> Path:
    """Return the file of questions with graded judgements that the quality gate asks."""
    return FOLDER / "labelled.jsonl"


def entity_dictionary() -> Path:
    """Return the dictionary of nicknames that stand in no sample document."""
    return FOLDER / "entities.csv"


def entity_questions() -> Path:
    """Return the file of questions with graded judgements that ask by these nicknames."""
    return FOLDER / "entity-questions.jsonl"


def library_hash() -> str:
    """Return the SHA-256 of the names and bytes of all sample documents."""
    files = sorted(library_files().iterdir())
    return content_hash(*(part for file in files for part in (file.name, file.read_bytes())))


def load_questions() -> list[Question]:
    """Read `questions.yaml`.

    Raises `pydantic.ValidationError` where a field is missing or not text.
    """
    text = (FOLDER / "questions.yaml").read_text(encoding="utf-8")
    return TypeAdapter(list[Question]).validate_python(yaml.safe_load(text))
