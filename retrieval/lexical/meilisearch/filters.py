"""Conditions as filter expressions, and facts as values of one attribute.

Meilisearch compares text without regard to case, and keeps 468 bytes of it. So a fact is
written down in the digits of hexadecimal numbers: the hash of its path, a letter for its kind,
and its value, as a hash or in its order. Nothing of a request stands in an expression itself.
"""

import json

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
from retrieval.lexical.facts import ORDERED, Fact, Path
from retrieval.query import Filters

_LETTERS = {"?": "e", "=": "v", "[": "l", "<": "t", "#": "n"}
_PATH_DIGITS, _HASH_DIGITS, _VALUE_DIGITS = 20, 32, 400
# Sorts after every digit.
_END = "g"


def expressions(namespaces: tuple[str, ...], filters: Filters | None) -> list[str]:
    """Return what holds for all that is wanted; `FilterError` for an unfit value."""
    within = _among("namespace_key", [namespace_key(name) for name in namespaces])
    return [within, *(_expression(condition) for condition in conditions(filters))]


def namespace_key(namespace: str) -> str:
    """Return what stands for a namespace."""
    return f"n{content_hash(namespace)[:_HASH_DIGITS]}"


def term(fact: Fact) -> str:
    """Return `fact` as it stands in the attribute; long values in an order may be cut."""
    path, kind, value = fact
    if kind in ORDERED:
        return _prefix(path, kind) + value.encode("utf-8", "surrogatepass").hex()[:_VALUE_DIGITS]
    return _prefix(path, kind) + content_hash(value)[:_HASH_DIGITS]


def _expression(condition: Condition) -> str:
    match condition:
        case Not(denied):
            return f"NOT ({_expression(denied)})"
        case AnyFact(facts):
            return _among("facts", [term(fact) for fact in facts])
        case FactBetween(path, kind, low, high):
            first = term(low) if low else _prefix(path, kind)
            last = term(high) if high else _prefix(path, kind) + _END
            return f"facts {first} TO {last}"
        case AnyTime(name, moments):
            return _among(name, [str(moment) for moment in moments])
        case TimeBetween(name, None, None):
            return f"{name} EXISTS"
        case TimeBetween(name, low, high):
            ends = {">=": low, "<=": high}
            parts = [f"{name} {sign} {at}" for sign, at in ends.items() if at is not None]
            return " AND ".join(parts)


def _among(attribute: str, values: list[str]) -> str:
    return f"{attribute} IN [{', '.join(values)}]"


def _prefix(path: Path, kind: str) -> str:
    whole = json.dumps(path, ensure_ascii=False)
    return f"p{content_hash(whole)[:_PATH_DIGITS]}{_LETTERS[kind]}"
