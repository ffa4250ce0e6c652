"""The predecessor's JSON Lines: one question a line with the ids of what answers it.

`{"query", "namespace", "relevant" | "gold_ids", "metadata", "tags", "options"}`.
`relevant` is a list of ids or an object of grades by id; `gold_ids` is a list. Ids
are those of documents or of passages. `options` are fields of the search request.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from eval.datasets.base import Dataset, DatasetDocument
from eval.datasets.base import Record as QueryRecord
from eval.datasets.jsonl import read_records
from eval.errors import DatasetError
from retrieval.chunk import JsonValue
from retrieval.query import Namespace, SearchRequest

SUFFIX = ".jsonl"
_OURS = frozenset({"query", "namespace", "namespaces", "k", "mode", "min_index_version", "explain"})

Id = Annotated[str, Field(min_length=1)]


class Question(BaseModel):
    """One line. `id` is made from the line number where it is missing."""

    model_config = ConfigDict(extra="forbid")

    id: Id | None = None
    query: Annotated[str, Field(min_length=1, max_length=8192)]
    namespace: Namespace | None = None
    relevant: list[Id] | dict[Id, int] | None = None
    gold_ids: list[Id] | None = None
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    tags: list[Id] = Field(default_factory=list)
    options: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_one_list_of_answers(self) -> Self:
        if (self.relevant is None) == (self.gold_ids is None):
            raise ValueError("give either relevant or gold_ids")
        if not self.grades:
            raise ValueError("no id of an answer is given")
        return self

    @model_validator(mode="after")
    def _options_fit_a_search(self) -> Self:
        if taken := sorted(_OURS & self.options.keys()):
            raise ValueError(f"options: {taken[0]} is chosen by the evaluation")
        try:
            SearchRequest.model_validate({"query": self.query, **self.options})
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(
                f"options.{'.'.join(map(str, first['loc']))}: {first['msg']}"
            ) from None
        return self

    @property
    def grades(self) -> Mapping[str, int]:
        """Grades by id; 1 where only a list was given."""
        if isinstance(self.relevant, dict):
            return self.relevant
        return dict.fromkeys(self.relevant or self.gold_ids or [], 1)

    @property
    def record(self) -> QueryRecord:
        """What is known besides the text and the answers."""
        found = self.model_dump(include={"namespace", "metadata", "tags", "options"})
        return {name: value for name, value in found.items() if value}


def read_questions(file: Path, documents: tuple[DatasetDocument, ...] = ()) -> Dataset:
    """Read the questions in `file` about `documents`; without any, about a namespace.

    Raises `DatasetError` with the line of a fault: no JSON, a wrong field, an id used
    twice, and with `documents` a judgement of one that is not there.
    """
    known = {document.doc_id for document in documents}
    found: dict[str, Question] = {}
    for number, question in read_records(file, Question):
        query_id = question.id or f"line-{number}"
        if query_id in found:
            raise DatasetError.at(file, number, f"the id {query_id!r} is used twice")
        if known:
            _require_known(file, number, question.grades, known)
        found[query_id] = question
    return Dataset(
        file.stem,
        documents,
        {query_id: question.query for query_id, question in found.items()},
        {query_id: question.grades for query_id, question in found.items()},
        records={query_id: question.record for query_id, question in found.items()},
    )


def _require_known(
    file: Path, number: int, grades: Collection[str], known: Collection[str]
) -> None:
    for doc_id in grades:
        if doc_id not in known:
            raise DatasetError.at(file, number, f"no document has the id {doc_id!r}")
