"""What filters ask of a passage, as the terms of one keyword field.

A fact is a path in front of a letter and a value: `"source"=…` for a value of a column or
of `metadata.*`, `[` for an element of a list there, `<` for text and `#` for numbers in
their order, and the path with `?` alone where there is something. Paths are JSON, so that
no key can be taken for another.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from retrieval.corpus.filters import TEXT_FIELDS
from retrieval.corpus.schema import from_json
from retrieval.ids import content_hash

# Lucene takes terms of 32,766 bytes; four bytes are the longest character.
_LONGEST = 2_000
Path = tuple[str, ...]


def facts_of(row: Mapping[str, Any]) -> list[str]:
    """Return the facts of a row of the chunks table, each once."""
    found = [fact for name in TEXT_FIELDS for fact in _text_facts((name,), row[name])]
    for key, value in from_json(row["metadata"]).items():
        found += _facts(("metadata", key), value)
    return list(dict.fromkeys(found))


def is_there(path: Path) -> str:
    """Return the fact that there is something at `path`."""
    return _fact(path, "?", "")


def is_value(path: Path, value: object) -> str:
    """Return the fact that `value`, text or a truth, stands at `path`."""
    return _fact(path, "=", json.dumps(value, ensure_ascii=False))


def is_element(path: Path, value: object) -> str:
    """Return the fact that a list at `path` holds `value`."""
    return _fact(path, "[", value if isinstance(value, str) else json.dumps(value))


def is_number(path: Path, value: float) -> str:
    """Return the fact that a number stands at `path`; the facts of numbers sort like them."""
    try:
        number = float(value) + 0.0
    except OverflowError:
        number = float("inf") if value > 0 else float("-inf")
    bits = struct.unpack(">Q", struct.pack(">d", number))[0]
    ordered = bits ^ (2**64 - 1 if bits >> 63 else 2**63)
    return _fact(path, "#", f"{ordered:016x}")


def is_text(path: Path, value: str) -> str:
    """Return the fact of the text at `path`; these sort like it, up to a length."""
    # Metadata is compared as JSON, whose quotes and control characters have a backslash.
    text = json.dumps(value, ensure_ascii=False)[1:-1] if len(path) > 1 else value
    return _prefix(path, "<") + text[:_LONGEST]


def start(path: Path, kind: str) -> str:
    """Return what sorts before all facts of `kind` at `path`."""
    return _prefix(path, kind)


def beyond(path: Path, kind: str) -> str:
    """Return what sorts behind all facts of `kind` at `path`."""
    return _prefix(path, chr(ord(kind) + 1))


def _facts(path: Path, value: object) -> Iterator[str]:
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


def _text_facts(path: Path, value: str | None) -> Iterator[str]:
    if value is not None:
        yield from (is_there(path), is_value(path, value), is_text(path, value))


def _fact(path: Path, kind: str, value: str) -> str:
    # A long value is known by its hash.
    return _prefix(path, kind) + (value if len(value) <= _LONGEST else content_hash(value))


def _prefix(path: Path, kind: str) -> str:
    whole = json.dumps(path, ensure_ascii=False)
    return (whole if len(whole) <= _LONGEST else content_hash(whole)) + kind
