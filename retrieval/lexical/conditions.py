"""From the filters of a request to conditions that an engine can be asked for.

A range lets its own ends through; what is too much is left out later, when the corpus has
been asked. All else is exact, so that its opposite is, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from retrieval.corpus.filters import TIME_FIELDS, microseconds
from retrieval.lexical.facts import (
    Fact,
    Path,
    is_element,
    is_number,
    is_text,
    is_there,
    is_value,
)
from retrieval.query import Condition as Wanted
from retrieval.query import Filters, Scalar


@dataclass(frozen=True, slots=True)
class AnyFact:
    """One of `facts` holds."""

    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class FactBetween:
    """A fact of `kind` at `path` holds, from `low` to `high` where they are given."""

    path: Path
    kind: str
    low: Fact | None = None
    high: Fact | None = None


@dataclass(frozen=True, slots=True)
class AnyTime:
    """The moment `name` is one of `moments`, in microseconds since 1970."""

    name: str
    moments: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TimeBetween:
    """There is a moment `name`, from `low` to `high` where they are given."""

    name: str
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Not:
    """`condition` does not hold."""

    condition: "Condition"


Condition: TypeAlias = AnyFact | FactBetween | AnyTime | TimeBetween | Not


def conditions(filters: Filters | None) -> list[Condition]:
    """Return what holds for all that passes `filters`; `FilterError` for an unfit value."""
    return [part for name, wanted in (filters or {}).items() for part in _field(name, wanted)]


def _field(name: str, wanted: Scalar | list[Scalar] | Wanted) -> list[Condition]:
    field = _Time(name) if name in TIME_FIELDS else _Facts(name)
    if not isinstance(wanted, Wanted):
        return [field.among(wanted if isinstance(wanted, list) else [wanted])]
    lower = [low for low in (wanted.gte, wanted.gt) if low is not None]
    upper = [high for high in (wanted.lte, wanted.lt) if high is not None]
    found = [*map(field.at_least, lower), *map(field.at_most, upper)]
    if wanted.ne is not None:
        found.append(Not(field.among([wanted.ne])))
    if wanted.exists is not None:
        found.append(field.exists() if wanted.exists else Not(field.exists()))
    return found


class _Facts:
    """A column of text, or a value in the metadata."""

    def __init__(self, name: str) -> None:
        self._path: Path = tuple(name.split("."))

    def among(self, values: Sequence[Scalar]) -> Condition:
        return AnyFact(tuple(fact for value in values for fact in self._equals(value)))

    def _equals(self, value: Scalar) -> list[Fact]:
        if isinstance(value, bool | str):
            return [is_value(self._path, value), is_element(self._path, value)]
        return [is_number(self._path, value), is_element(self._path, value)]

    def at_least(self, value: Scalar) -> Condition:
        fact = self._ordered(value)
        return FactBetween(self._path, fact.kind, low=fact)

    def at_most(self, value: Scalar) -> Condition:
        fact = self._ordered(value)
        return FactBetween(self._path, fact.kind, high=fact)

    def _ordered(self, value: Scalar) -> Fact:
        return (
            is_text(self._path, value) if isinstance(value, str) else is_number(self._path, value)
        )

    def exists(self) -> Condition:
        return AnyFact((is_there(self._path),))


class _Time:
    """A moment, in microseconds since 1970."""

    def __init__(self, name: str) -> None:
        self._name = name

    def among(self, values: Sequence[Scalar]) -> Condition:
        return AnyTime(self._name, tuple(microseconds(self._name, value) for value in values))

    def at_least(self, value: Scalar) -> Condition:
        return TimeBetween(self._name, low=microseconds(self._name, value))

    def at_most(self, value: Scalar) -> Condition:
        return TimeBetween(self._name, high=microseconds(self._name, value))

    def exists(self) -> Condition:
        return TimeBetween(self._name)
