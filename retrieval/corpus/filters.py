"""From the filters of a request to a predicate of the table store.

Values are data: they enter the predicate only as quoted literals, and field
names only from the table below or as quoted JSON path parts.
"""

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from retrieval.errors import FilterError, InvalidInputError
from retrieval.query import Condition, Filters, Scalar

TEXT_FIELDS = frozenset({"doc_id", "source", "media_type"})
TIME_FIELDS = frozenset({"created_at"})
_KEY = re.compile(r"[\w \-:/@]{1,128}")
_LARGEST = 2**64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OPERATORS = {"gte": ">=", "lte": "<=", "gt": ">", "lt": "<"}


def quote(value: str) -> str:
    """Return `value` as a string literal; `InvalidInputError` where it is not Unicode."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(f"{value!r} is not valid Unicode text") from error
    return "'" + value.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class PathTest:
    """What the value at a path of the metadata has to meet; `value` is an expression for it."""

    keys: tuple[str, ...]
    value: str
    predicate: str


@dataclass(frozen=True, slots=True)
class RowTest:
    """What rows have to meet, as predicates of the table store.

    `metadata` has one for each path, `others` is that of all other columns but the namespace.
    """

    namespaces: str
    metadata: tuple[PathTest, ...] = ()
    others: str | None = None

    @classmethod
    def of(cls, namespaces: Collection[str], filters: Filters) -> Self:
        """Return the test of `filters` inside `namespaces`; `FilterError` as for a predicate."""
        paths = [
            _path_test(_MetadataField(name), wanted)
            for name, wanted in sorted(filters.items())
            if _is_metadata(name)
        ]
        others = {name: wanted for name, wanted in filters.items() if not _is_metadata(name)}
        return cls(namespaces_predicate(namespaces), tuple(paths), filters_predicate(others))

    @property
    def predicate(self) -> str:
        """All of it."""
        paths = (part.predicate for part in self.metadata)
        return " AND ".join(f"({part})" for part in (self.plain, *paths))

    @property
    def plain(self) -> str:
        """All but the metadata."""
        return " AND ".join(f"({part})" for part in (self.namespaces, self.others) if part)


def documents_predicate(keys: Collection[tuple[str, str]]) -> str:
    """Return the predicate that holds for rows of the given (namespace, doc_id) pairs."""
    by_namespace: dict[str, list[str]] = {}
    for namespace, doc_id in sorted(keys):
        by_namespace.setdefault(namespace, []).append(quote(doc_id))
    parts = (
        f"(namespace = {quote(namespace)} AND doc_id IN ({', '.join(ids)}))"
        for namespace, ids in by_namespace.items()
    )
    return " OR ".join(parts) or "false"


def namespaces_predicate(namespaces: Collection[str]) -> str:
    """Return the predicate that holds inside `namespaces`."""
    return f"namespace IN ({', '.join(quote(name) for name in sorted(namespaces))})"


def filters_predicate(filters: Filters | None) -> str | None:
    """Return the predicate of `filters`, or None where there is nothing to filter.

    Raises `FilterError` for an unknown field or a value that does not fit it.
    """
    if not filters:
        return None
    return " AND ".join(f"({_field(name, wanted)})" for name, wanted in sorted(filters.items()))


def microseconds(name: str, value: Scalar) -> int:
    """Return `value` of the field `name`, a time, since 1970; `FilterError` if it is none."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise FilterError(
            f"filters.{name}: {value!r} is not a time; give ISO 8601, such as 2026-01-31T12:00:00Z"
        )
    return epoch_microseconds(moment)


def epoch_microseconds(moment: datetime) -> int:
    """Return `moment` in microseconds since 1970; without a zone it counts as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


def _path_test(field: "_MetadataField", wanted: Scalar | list[Scalar] | Condition) -> PathTest:
    return PathTest(field.keys, field.value, _meets(field, wanted))


def _field(name: str, wanted: Scalar | list[Scalar] | Condition) -> str:
    return _meets(_field_for(name), wanted)


def _meets(field: "_Field", wanted: Scalar | list[Scalar] | Condition) -> str:
    name = field.name
    if isinstance(wanted, Condition):
        return _condition(name, field, wanted)
    values = wanted if isinstance(wanted, list) else [wanted]
    if not values:
        raise FilterError(f"filters.{name}: the list of values is empty; name at least one")
    return field.among(values)


def _condition(name: str, field: "_Field", condition: Condition) -> str:
    given: Mapping[str, Scalar | None] = condition.model_dump(exclude_none=True)
    if not given:
        raise FilterError(
            f"filters.{name}: no comparison given; use gte, lte, gt, lt, ne or exists"
        )
    parts = [
        field.compares(operator, value)
        for key, operator in _OPERATORS.items()
        if (value := given.get(key)) is not None
    ]
    if condition.ne is not None:
        parts.append(f"NOT coalesce({field.equals(condition.ne)}, false)")
    if condition.exists is not None:
        parts.append(field.exists() if condition.exists else f"NOT ({field.exists()})")
    return " AND ".join(f"({part})" for part in parts)


def _is_metadata(name: str) -> bool:
    return name.startswith("metadata.")


def _field_for(name: str) -> "_Field":
    if name in TEXT_FIELDS:
        return _TextField(name)
    if name in TIME_FIELDS:
        return _TimeField(name)
    if _is_metadata(name):
        return _MetadataField(name)
    known = ", ".join(sorted(TEXT_FIELDS | TIME_FIELDS))
    raise FilterError(f"filters.{name}: unknown field; use one of {known}, or metadata.<key>")


class _Field:
    """A column; subclasses say how a value becomes a literal of its type."""

    def __init__(self, name: str) -> None:
        self.name = name

    def literal(self, value: Scalar) -> str:
        raise NotImplementedError

    def equals(self, value: Scalar) -> str:
        return f"{self.name} = {self.literal(value)}"

    def among(self, values: Sequence[Scalar]) -> str:
        return " OR ".join(self.equals(value) for value in values)

    def compares(self, operator: str, value: Scalar) -> str:
        return f"{self.name} {operator} {self.literal(value)}"

    def exists(self) -> str:
        return f"{self.name} IS NOT NULL"


class _TextField(_Field):
    def literal(self, value: Scalar) -> str:
        if not isinstance(value, str):
            raise FilterError(f"filters.{self.name}: {value!r} is not text; give a string")
        return _literal(self.name, value)

    def among(self, values: Sequence[Scalar]) -> str:
        return f"{self.name} IN ({', '.join(map(self.literal, values))})"


class _TimeField(_Field):
    """A moment; compared as microseconds since 1970 in UTC."""

    def equals(self, value: Scalar) -> str:
        return self.compares("=", value)

    def compares(self, operator: str, value: Scalar) -> str:
        return f"CAST({self.name} AS BIGINT) {operator} {self.literal(value)}"

    def literal(self, value: Scalar) -> str:
        return str(microseconds(self.name, value))


class _MetadataField(_Field):
    """A value inside the JSON column; a list in it matches by any of its elements.

    Text is ordered by code points, quotes and control characters as a backslash.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.keys = tuple(name.removeprefix("metadata.").split("."))
        if not all(_KEY.fullmatch(key) for key in self.keys):
            raise FilterError(f"filters.{name}: a key may hold letters, digits and _ - : / @ only")
        self._path = quote("$" + "".join(f'."{key}"' for key in self.keys))
        self.value = f"json_extract(metadata, {self._path})"

    def literal(self, value: Scalar) -> str:
        if isinstance(value, float) and not math.isfinite(value):
            raise FilterError(f"filters.{self.name}: {value!r} is not a number that JSON knows")
        if isinstance(value, int) and not -_LARGEST < value < _LARGEST:
            raise FilterError(f"filters.{self.name}: the number is beyond 64 bits")
        return _literal(self.name, json.dumps(value, ensure_ascii=False))

    def equals(self, value: Scalar) -> str:
        plain = value if isinstance(value, str) else json.dumps(value)
        element = f"json_array_contains(metadata, {self._path}, {_literal(self.name, plain)})"
        if isinstance(value, bool | str):
            scalar = f"{self.value} = {self.literal(value)}"
        else:
            scalar = self.compares("=", value)
        return f"({scalar} OR {element})"

    def compares(self, operator: str, value: Scalar) -> str:
        if isinstance(value, str):
            is_text = f"starts_with({self.value}, '\"')"
            # Without the closing quote, so that "ab" comes before "ab c".
            ours, theirs = f"left({self.value}, -1)", f"left({self.literal(value)}, -1)"
            return f"({is_text} AND {ours} {operator} {theirs})"
        if isinstance(value, bool):
            raise FilterError(f"filters.{self.name}: {value!r} has no order; use a number or text")
        self.literal(value)
        return f"TRY_CAST({self.value} AS DOUBLE) {operator} {float(value)!r}"

    def exists(self) -> str:
        return f"json_exists(metadata, {self._path})"


def _literal(name: str, text: str) -> str:
    try:
        return quote(text)
    except InvalidInputError as error:
        raise FilterError(f"filters.{name}: {error}") from error
