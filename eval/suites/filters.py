"""Which queries belong to a suite: conditions on dotted paths into a query's record."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retrieval.chunk import JsonValue

_MISSING = object()


class Filter(BaseModel):
    """Conditions on one field of a query, all of which must hold.

    `field` is a dotted path such as `tags` or `metadata.persona`; `query` and `id`
    are there always. `contains_any` looks into a list, or at a single value. A
    field that is missing equals nothing and is in nothing.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    field: Annotated[str, Field(min_length=1)]
    equals: JsonValue = None
    not_equals: JsonValue = None
    in_: list[JsonValue] | None = Field(None, alias="in")
    not_in: list[JsonValue] | None = None
    contains_any: Annotated[list[JsonValue], Field(min_length=1)] | None = None
    exists: bool | None = None

    @model_validator(mode="after")
    def _has_a_condition(self) -> Self:
        if self.model_fields_set == {"field"}:
            raise ValueError(f"the filter on {self.field!r} has no condition")
        return self

    def matches(self, record: Mapping[str, JsonValue]) -> bool:
        """Return whether a query's record meets every condition."""
        value, given = _at(record, self.field), self.model_fields_set
        held = {
            "equals": value == self.equals,
            "not_equals": value != self.not_equals,
            "in_": value in (self.in_ or []),
            "not_in": value not in (self.not_in or []),
            "contains_any": any(item in (self.contains_any or []) for item in _items(value)),
            "exists": (value is not _MISSING) == self.exists,
        }
        return all(holds for name, holds in held.items() if name in given)


def _at(record: Mapping[str, JsonValue], path: str) -> object:
    found: object = record
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return _MISSING
        found = found[part]
    return found


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
