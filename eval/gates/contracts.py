"""The contracts of the events, as JSON Schema files in `schemas`.

No event comes in or goes out whose topic has no file there.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource

from retrieval.chunk import JsonValue

REQUEST = "persona.publish.request.v1"
PUBLISHED = "persona.published.v1"
FAILED = "persona.publish.failed.v1"
TOPICS = (REQUEST, PUBLISHED, FAILED)
Kind = Literal["uuid", "label"]
_PREFIX = "urn:pmoves:contract:"
_NAMES = ("envelope", "persona", *TOPICS)
_LONGEST = 500


def schema(name: str) -> Mapping[str, Any]:
    """Return the schema of a topic, of the `envelope`, or what those of `persona` share."""
    file = resources.files("eval.gates") / "schemas" / f"{name}.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def fault(envelope: JsonValue, topics: Sequence[str] = TOPICS) -> str | None:
    """Return what is wrong with an event, with its place, or None where it holds its contract.

    Only `topics` will do, and they must be among `TOPICS`.
    """
    found = _fault("envelope", envelope)
    if found or not isinstance(envelope, dict):
        return found
    topic = str(envelope["topic"])
    if topic not in topics:
        return f"topic: {topic!r} is not {' or '.join(topics)}"
    found = _fault(topic, envelope["payload"])
    return found and f"payload.{found}"


def is_a(kind: Kind, value: object) -> bool:
    """Say whether `value` is what the contracts call a `kind`."""
    return bool(_validator(f"persona#/$defs/{kind}").is_valid(value))


def _fault(name: str, value: JsonValue) -> str | None:
    error = best_match(_validator(name).iter_errors(value))
    if error is None:
        return None
    place = ".".join(map(str, error.absolute_path)) or "the whole"
    return f"{place}: {error.message[:_LONGEST]}"


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": _PREFIX + name}, registry=_registry())


@cache
def _registry() -> "Registry[Any]":
    found = [(_PREFIX + name, Resource.from_contents(dict(schema(name)))) for name in _NAMES]
    registry: Registry[Any] = Registry().with_resources(found)
    return registry
