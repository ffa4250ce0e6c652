"""Contracts of events, as JSON Schema files of a package."""

import json
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any

from retrieval.chunk import JsonValue

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from referencing import Registry

_LONGEST = 500


class Contracts:
    """The schemas `names` in the folder `schemas` of `package`, whose ids begin with `prefix`.

    `names` are `envelope`, what others refer to, and `topics`. No event comes in or goes
    out whose topic has no schema.
    """

    def __init__(
        self, package: str, prefix: str, topics: Sequence[str], shared: Sequence[str]
    ) -> None:
        self._package = package
        self._prefix = prefix
        self.topics = tuple(topics)
        self.names = ("envelope", *shared, *topics)
        self._validator = cache(self._new_validator)

    def schema(self, name: str) -> Mapping[str, Any]:
        """Return one schema."""
        file = resources.files(self._package) / "schemas" / f"{name}.json"
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def fault(self, envelope: JsonValue, topics: Sequence[str] | None = None) -> str | None:
        """Return what is wrong with an event, with its place, or None where it holds its contract.

        Only `topics` will do, which must be among the known ones; without, all of these.
        """
        found = self._fault("envelope", envelope)
        if found or not isinstance(envelope, dict):
            return found
        wanted, topic = self.topics if topics is None else topics, str(envelope["topic"])
        if topic not in wanted:
            return f"topic: {topic!r} is not {' or '.join(wanted)}"
        found = self._fault(topic, envelope["payload"])
        return found and f"payload.{found}"

    def is_valid(self, definition: str, value: object) -> bool:
        """Say whether `value` fits a schema, or a part of one such as `common#/$defs/label`."""
        return bool(self._validator(definition).is_valid(value))

    def _fault(self, name: str, value: JsonValue) -> str | None:
        from jsonschema.exceptions import best_match

        error = best_match(self._validator(name).iter_errors(value))
        if error is None:
            return None
        place = ".".join(map(str, error.absolute_path)) or "the whole"
        return f"{place}: {error.message[:_LONGEST]}"

    def _new_validator(self, name: str) -> "Draft202012Validator":
        from jsonschema import Draft202012Validator

        return Draft202012Validator({"$ref": self._prefix + name}, registry=self._registry)

    @cached_property
    def _registry(self) -> "Registry[Any]":
        from referencing import Registry, Resource

        found = [
            (self._prefix + name, Resource.from_contents(dict(self.schema(name))))
            for name in self.names
        ]
        registry: Registry[Any] = Registry().with_resources(found)
        return registry
