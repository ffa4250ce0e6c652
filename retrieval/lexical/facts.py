"""What filters ask of a passage, as facts that an engine keeps as terms.

A fact is a path, a kind and a value: `=` for a value of a column or of `metadata.*`, `[` for
an element of a list there, `<` for text and `#` for numbers in their order, and `?` without a
value where there is something. How a fact is written down is each engine's own affair.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from retrieval.corpus.filters import TEXT_FIELDS
from retrieval.corpus.schema import from_json

Path = tuple[str, ...]
ORDERED = "<#"
"""The kinds whose values sort like what they stand for."""


class Fact(NamedTuple):
    """That `value` stands at `path`, in the way that `kind` says."""

    path: Path
    kind: str
    value: str


def facts_of(row: Mapping[str, Any]) -> list[Fact]:
    """Return the facts of a row of the chunks table, each once."""
    found = [fact for name in TEXT_FIELDS for fact in _text_facts((name,), row[name])]
    for key, value in from_json(row["metadata"]).items():
        found += _facts(("metadata", key), value)
    return list(dict.fromkeys(found))


def is_there(path: Path) -> Fact:
    """Return the fact that there is something at `path`."""
    return Fact(path, "?", "")


def is_value(path: Path, value: object) -> Fact:
    """Return the fact that `value`, text or a truth, stands at `path`."""
    return Fact(path, "=", json.dumps(value, ensure_ascii=False))


def is_element(path: Path, value: object) -> Fact:
    """Return the fact that a list at `path` holds `value`."""
    return Fact(path, "[", value if isinstance(value, str) else json.dumps(value))


def is_number(path: Path, value: float) -> Fact:
    """Return the fact that a number stands at `path`; the facts of numbers sort like them."""
    try:
        number = float(value) + 0.0
    except OverflowError:
        number = float("inf") if value > 0 else float("-inf")
    bits = struct.unpack(">Q", struct.pack(">d", number))[0]
    ordered = bits ^ (2**64 - 1 if bits >> 63 else 2**63)
    return Fact(path, "#", f"{ordered:016x}")


def is_text(path: Path, value: str) -> Fact:
    """Return the fact of the text at `path`; these sort like it."""
    # Metadata is compared as JSON, whose quotes and control characters have a backslash.
    text = json.dumps(value, ensure_ascii=False)[1:-1] if len(path) > 1 else value
    return Fact(path, "<", text)


def _facts(path: Path, value: object) -> Iterator[Fact]:
    yield is_there(path)
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _facts((*path, key), part)
    elif isinstance(value, list):
        yield from (is_element(path, part) for part in value if not isinstance(part, dict | list))
    elif isinstance(value, bool):
        yield is_value(path, value)
    elif isinstance(value, int | float):
        yield is_number(path, value)
    elif isinstance(value, str):
        yield is_value(path, value)
        yield is_text(path, value)


def _text_facts(path: Path, value: str | None) -> Iterator[Fact]:
    if value is not None:
        yield from (is_there(path), is_value(path, value), is_text(path, value))
