"""From the filters of a request to clauses of a query.

Values only ever stand in terms and ranges, never in a query string. A range lets its own
ends through; what is too much is left out later, when the corpus has been asked.
"""

from collections.abc import Sequence
from typing import Any

from retrieval.corpus.filters import TIME_FIELDS, microseconds
from retrieval.lexical.elasticsearch.facts import (
    Path,
    beyond,
    is_element,
    is_number,
    is_text,
    is_there,
    is_value,
    start,
)
from retrieval.query import Condition, Filters, Scalar

Clause = dict[str, Any]


def clauses(filters: Filters | None) -> list[Clause]:
    """Return what holds for all that passes `filters`; `FilterError` for an unfit value."""
    return [clause for name, wanted in (filters or {}).items() for clause in _field(name, wanted)]


def _field(name: str, wanted: Scalar | list[Scalar] | Condition) -> list[Clause]:
    field = _Time(name) if name in TIME_FIELDS else _Facts(name)
    if not isinstance(wanted, Condition):
        return [field.among(wanted if isinstance(wanted, list) else [wanted])]
    lower = [low for low in (wanted.gte, wanted.gt) if low is not None]
    upper = [high for high in (wanted.lte, wanted.lt) if high is not None]
    found = [*map(field.at_least, lower), *map(field.at_most, upper)]
    if wanted.ne is not None:
        found.append(_not(field.among([wanted.ne])))
    if wanted.exists is not None:
        found.append(field.exists() if wanted.exists else _not(field.exists()))
    return found


def _not(clause: Clause) -> Clause:
    return {"bool": {"must_not": [clause]}}


class _Facts:
    """A column of text, or a value in the metadata."""

    def __init__(self, name: str) -> None:
        self._path: Path = tuple(name.split("."))

    def among(self, values: Sequence[Scalar]) -> Clause:
        return {"terms": {"facts": [fact for value in values for fact in self._equals(value)]}}

    def _equals(self, value: Scalar) -> list[str]:
        if isinstance(value, bool | str):
            return [is_value(self._path, value), is_element(self._path, value)]
        return [is_number(self._path, value), is_element(self._path, value)]

    def at_least(self, value: Scalar) -> Clause:
        kind, fact = self._ordered(value)
        return {"range": {"facts": {"gte": fact, "lt": beyond(self._path, kind)}}}

    def at_most(self, value: Scalar) -> Clause:
        kind, fact = self._ordered(value)
        return {"range": {"facts": {"gte": start(self._path, kind), "lte": fact}}}

    def _ordered(self, value: Scalar) -> tuple[str, str]:
        if isinstance(value, str):
            return "<", is_text(self._path, value)
        return "#", is_number(self._path, value)

    def exists(self) -> Clause:
        return {"term": {"facts": is_there(self._path)}}


class _Time:
    """A moment, in microseconds since 1970."""

    def __init__(self, name: str) -> None:
        self._name = name

    def among(self, values: Sequence[Scalar]) -> Clause:
        return {"terms": {self._name: [microseconds(self._name, value) for value in values]}}

    def at_least(self, value: Scalar) -> Clause:
        return {"range": {self._name: {"gte": microseconds(self._name, value)}}}

    def at_most(self, value: Scalar) -> Clause:
        return {"range": {self._name: {"lte": microseconds(self._name, value)}}}

    def exists(self) -> Clause:
        return {"exists": {"field": self._name}}
