"""The contracts of the events about personas, as JSON Schema files in `schemas`."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from retrieval.chunk import JsonValue
from retrieval.contracts import Contracts

REQUEST = "persona.publish.request.v1"
PUBLISHED = "persona.published.v1"
FAILED = "persona.publish.failed.v1"
TOPICS = (REQUEST, PUBLISHED, FAILED)
Kind = Literal["uuid", "label"]
_CONTRACTS = Contracts("eval.gates", "urn:pmoves:contract:", TOPICS, ("persona",))


def schema(name: str) -> Mapping[str, Any]:
    """Return the schema of a topic, of the `envelope`, or what those of `persona` share."""
    return _CONTRACTS.schema(name)


def fault(envelope: JsonValue, topics: Sequence[str] = TOPICS) -> str | None:
    """Return what is wrong with an event, with its place, or None where it holds its contract.

    Only `topics` will do, and they must be among `TOPICS`.
    """
    return _CONTRACTS.fault(envelope, topics)


def is_a(kind: Kind, value: object) -> bool:
    """Say whether `value` is what the contracts call a `kind`."""
    return _CONTRACTS.is_valid(f"persona#/$defs/{kind}", value)
