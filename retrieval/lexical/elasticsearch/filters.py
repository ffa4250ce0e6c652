"""Conditions as clauses of a query, and facts as terms of one keyword field.

Values only ever stand in terms and ranges, never in a query string. A term is the path as
JSON, so that no key can be taken for another, in front of the letter of the kind and the value.
"""

import json
from typing import Any

from retrieval.ids import content_hash
from retrieval.lexical.conditions import (
    AnyFact,
    AnyTime,
    Condition,
    FactBetween,
    Not,
    TimeBetween,
    conditions,
)
from retrieval.lexical.facts import Fact, Path
from retrieval.query import Filters

Clause = dict[str, Any]
# Lucene takes terms of 32,766 bytes; four bytes are the longest character.
_LONGEST = 2_000


def clauses(filters: Filters | None) -> list[Clause]:
    """Return what holds for all that passes `filters`; `FilterError` for an unfit value."""
    return [_clause(condition) for condition in conditions(filters)]


def term(fact: Fact) -> str:
    """Return `fact` as it stands in the field; a long value is known by its hash."""
    path, kind, value = fact
    if kind == "<":
        return _prefix(path, kind) + value[:_LONGEST]
    return _prefix(path, kind) + (value if len(value) <= _LONGEST else content_hash(value))


def _clause(condition: Condition) -> Clause:
    match condition:
        case Not(denied):
            return {"bool": {"must_not": [_clause(denied)]}}
        case AnyFact(facts):
            return {"terms": {"facts": [term(fact) for fact in facts]}}
        case FactBetween():
            return {"range": {"facts": _range(condition)}}
        case AnyTime(name, moments):
            return {"terms": {name: list(moments)}}
        case TimeBetween(name, None, None):
            return {"exists": {"field": name}}
        case TimeBetween(name, low, high):
            ends = {"gte": low, "lte": high}
            return {"range": {name: {end: at for end, at in ends.items() if at is not None}}}


def _range(wanted: FactBetween) -> Clause:
    path, kind = wanted.path, wanted.kind
    low = term(wanted.low) if wanted.low else _prefix(path, kind)
    if wanted.high:
        return {"gte": low, "lte": term(wanted.high)}
    return {"gte": low, "lt": _prefix(path, chr(ord(kind) + 1))}


def _prefix(path: Path, kind: str) -> str:
    whole = json.dumps(path, ensure_ascii=False)
    return (whole if len(whole) <= _LONGEST else content_hash(whole)) + kind
