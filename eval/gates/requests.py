"""A request as it comes in: read, checked against its contract, and who asked even if it fails."""

import json
import math
from dataclasses import dataclass, replace
from typing import NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from eval.gates.contracts import REQUEST, Kind, fault, is_a
from eval.gates.errors import GateError
from retrieval.chunk import JsonValue
from retrieval.ids import content_hash

MOST_BYTES = 2**20
_OPTIONAL = ("correlation_id", "parent_id", "actor", "labels")


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom and what an answer is about, as far as the request tells it."""

    request_id: str | None = None
    correlation_id: str | None = None
    persona_id: str | None = None
    name: str | None = None
    version: str | None = None
    dataset_id: str | None = None


class Limits(BaseModel):
    """Limits of one metric, as a request adds them."""

    model_config = ConfigDict(frozen=True)

    min: float | None = None
    max: float | None = None


class AskedDataset(BaseModel):
    """The data set that a request names, and what it adds; `timeout` in seconds."""

    model_config = ConfigDict(frozen=True)

    id: str
    queries_path: str | None = None
    suites_path: str | None = None
    thresholds: dict[str, Limits] = Field(default_factory=dict)
    k: int | None = None
    timeout: float | None = None

    @field_validator("thresholds", mode="before")
    @classmethod
    def _number_is_least(cls, given: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return {
            name: value if isinstance(value, dict) else {"min": value}
            for name, value in given.items()
        }


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """A request that holds its contract.

    `fingerprint` tells two contents of one id apart: it covers persona and data set.
    """

    request_id: str
    persona_id: str
    name: str
    version: str
    dataset: AskedDataset | None
    subject: Subject
    fingerprint: str


def read_request(body: bytes) -> tuple[Subject, PublishRequest | GateError]:
    """Return who asks, and what; or in place of the latter why it cannot be read."""
    subject = Subject()
    try:
        value = _without_nulls(_parsed(body))
        subject = _subject(value)
        if problem := fault(value, [REQUEST]):
            raise GateError("invalid-request", problem)
        return subject, _request(value, subject)
    except GateError as error:
        return subject, error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(["payload", "dataset", *map(str, first["loc"])])
        return subject, GateError("invalid-request", f"{place}: {first['msg']}")
    except RecursionError:
        return subject, GateError("invalid-request", "the request is nested too deeply")


def _parsed(body: bytes) -> JsonValue:
    if len(body) > MOST_BYTES:
        raise GateError("invalid-request", f"the request has more than {MOST_BYTES} bytes")
    try:
        text = body.decode("utf-8")
        value: JsonValue = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        # An escaped half of a pair is JSON, but no text that could be stored or sent on.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except ValueError as error:
        raise GateError("invalid-request", f"the request is no JSON in UTF-8: {error}") from error
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)


def _without_nulls(value: JsonValue) -> JsonValue:
    """Drop optional members of the envelope that are null: some senders mean 'none' by it."""
    if not isinstance(value, dict):
        return value
    return {name: item for name, item in value.items() if item is not None or name not in _OPTIONAL}


def _subject(value: JsonValue) -> Subject:
    payload = _member(value, "payload")
    persona = _member(payload, "persona")
    subject = Subject(
        request_id=_text(value, "id", "uuid"),
        correlation_id=_text(value, "correlation_id"),
        persona_id=_text(payload, "persona_id", "uuid"),
        name=_text(persona, "name"),
        version=_text(persona, "version"),
        dataset_id=_text(_member(payload, "dataset"), "id"),
    )
    lowered = subject.request_id and subject.request_id.lower()
    return replace(subject, request_id=lowered)


def _member(value: JsonValue, name: str) -> JsonValue:
    return value.get(name) if isinstance(value, dict) else None


def _text(value: JsonValue, name: str, kind: Kind = "label") -> str | None:
    found = _member(value, name)
    return found if isinstance(found, str) and is_a(kind, found) else None


def _request(value: JsonValue, subject: Subject) -> PublishRequest:
    payload = _member(value, "payload")
    asked = _member(payload, "dataset")
    return PublishRequest(
        request_id=subject.request_id or "",
        persona_id=(subject.persona_id or "").lower(),
        name=subject.name or "",
        version=subject.version or "",
        dataset=None if asked is None else AskedDataset.model_validate(asked),
        subject=subject,
        fingerprint=content_hash(json.dumps(payload, sort_keys=True)),
    )
