"""What a filter means, written down a second time: in plain Python over rows."""

import json
import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from retrieval.chunk import Chunk, JsonValue
from retrieval.query import Condition, Filters, Scalar

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "gte": operator.ge,
    "lte": operator.le,
    "gt": operator.gt,
    "lt": operator.lt,
}
MISSING = object()


def matches(chunk: Chunk, created_at: datetime, filters: Filters) -> bool:
    """Say whether `chunk` meets all of `filters`."""
    return all(_meets(_value(chunk, created_at, name), filters[name]) for name in filters)


def _value(chunk: Chunk, created_at: datetime, name: str) -> object:
    if name == "created_at":
        return created_at
    if not name.startswith("metadata."):
        return getattr(chunk, name)
    found: object = dict(chunk.metadata)
    for key in name.removeprefix("metadata.").split("."):
        if not isinstance(found, dict) or key not in found:
            return MISSING
        found = found[key]
    return found


def _meets(value: object, wanted: Scalar | list[Scalar] | Condition) -> bool:
    if isinstance(wanted, Condition):
        return _meets_condition(value, wanted)
    values = wanted if isinstance(wanted, list) else [wanted]
    return any(_equal(value, one) for one in values)


def _meets_condition(value: object, wanted: Condition) -> bool:
    if wanted.exists is not None and wanted.exists != (value is not MISSING):
        return False
    if wanted.ne is not None and _equal(value, wanted.ne):
        return False
    for name, compare in COMPARISONS.items():
        limit = getattr(wanted, name)
        if limit is not None and not _compares(value, compare, limit):
            return False
    return True


def _equal(value: object, wanted: Scalar) -> bool:
    if isinstance(value, list):
        return any(_plain(element) == _plain(wanted) for element in value)
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return _compares(value, operator.eq, wanted)


def _compares(value: object, compare: Callable[[Any, Any], bool], limit: Scalar) -> bool:
    if isinstance(value, datetime):
        moment = datetime.fromisoformat(str(limit))
        return compare(value, moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if isinstance(value, str) and isinstance(limit, str):
        return compare(_escaped(value), _escaped(limit))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return not isinstance(limit, str) and compare(float(value), float(limit))
    return False


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _plain(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)
