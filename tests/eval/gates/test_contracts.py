"""The contracts, and answers to whatever can be sent."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from eval.gates.answers import Outcome, answer_to
from eval.gates.contracts import FAILED, PUBLISHED, REQUEST, TOPICS, fault, is_a, schema
from eval.gates.errors import GateError
from eval.gates.requests import PublishRequest, Subject, read_request
from tests.eval.gates.asking import assert_sound, encoded, payload, request

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def places(event: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every member of an event."""
    if isinstance(event, dict):
        for name, value in event.items():
            yield (*path, name)
            yield from places(value, (*path, name))


FULL = request(
    dataset={"id": "smoke", "queries_path": "p", "thresholds": {"MRR": 0.5}, "k": 5, "timeout": 9},
    correlation_id="c",
    parent_id="p",
    actor="a",
    labels=["l"],
)
PLACES = list(places(FULL))


def changed(path: tuple[str, ...], value: object) -> dict[str, Any]:
    """Return the full request with another value at `path`."""
    event: dict[str, Any] = json.loads(json.dumps(FULL))
    inner = event
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return event


@pytest.mark.parametrize("name", ["envelope", "persona", *TOPICS])
def test_contracts_are_schemas_under_their_own_name(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))
    assert schema(name)["$id"] == f"urn:pmoves:contract:{name}"


def test_no_topic_goes_without_a_contract() -> None:
    folder = Path(__file__).parents[3] / "eval" / "gates" / "schemas"
    assert {file.stem for file in folder.iterdir()} == {"envelope", "persona", *TOPICS}
    for topic in ("persona.publish.result.v1", "kb.pack.published.v1", "", "../envelope"):
        problem = fault(request(topic=topic))
        assert problem is not None
        assert problem.startswith("topic: ")


@pytest.mark.parametrize(
    ("topic", "names"),
    [
        (REQUEST, {"persona_id", "persona"}),
        (PUBLISHED, {"persona_id", "name", "version", "dataset_id", "metrics", "passed"}),
        (FAILED, {"persona_id", "name", "version", "dataset_id", "metrics", "passed"}),
    ],
)
def test_what_the_predecessor_required_is_required(topic: str, names: set[str]) -> None:
    assert names <= set(schema(topic)["required"])


def test_full_and_short_requests_hold_their_contract() -> None:
    assert fault(FULL) is None
    assert fault(request()) is None


@pytest.mark.parametrize("path", PLACES, ids=".".join)
@pytest.mark.parametrize("value", [{}, [], "", -1, True, "a\nb"])
def test_a_wrong_value_is_named_by_its_place(path: tuple[str, ...], value: object) -> None:
    problem = fault(changed(path, value), [REQUEST])
    fine = (path[-1] == "labels" and value == []) or (path[-1] == "thresholds" and value == {})
    fine = fine or (path[-1] == "MRR" and value == -1)
    assert fine if problem is None else problem.startswith(".".join(path))


@pytest.mark.parametrize("path", PLACES, ids=".".join)
@settings(max_examples=15)
@given(value=JSON)
def test_whatever_a_member_is_the_request_is_read_or_refused(
    path: tuple[str, ...], value: object
) -> None:
    body = json.dumps(changed(path, value)).encode("utf-8", "replace")
    _assert_readable_or_refused(body)


@given(value=JSON)
def test_any_document_is_refused(value: object) -> None:
    _assert_readable_or_refused(json.dumps(value).encode())


@given(body=st.binary(max_size=64))
def test_any_bytes_are_refused(body: bytes) -> None:
    _assert_readable_or_refused(body)


def _assert_readable_or_refused(body: bytes) -> None:
    subject, found = read_request(body)
    if isinstance(found, PublishRequest):
        assert found.request_id == subject.request_id
        outcome = Outcome("unknown-persona", "nobody")
    else:
        outcome = Outcome.of_error(found)
        assert found.reason == "invalid-request"
        assert str(found)
    assert_sound(answer_to(subject, outcome))


LABELS = st.text(max_size=140)


@given(
    subject=st.builds(
        Subject,
        st.none() | st.uuids().map(str),
        *[st.none() | LABELS.filter(lambda text: is_a("label", text))],
        st.none() | st.uuids().map(str),
        *[st.none() | LABELS.filter(lambda text: is_a("label", text))] * 3,
    ),
    detail=st.text(st.characters(), max_size=3_000),
)
def test_an_answer_about_anybody_is_sound(subject: Subject, detail: str) -> None:
    answer = answer_to(subject, Outcome("evaluation-failed", detail))
    assert answer.reason == "evaluation-failed"
    assert_sound(answer)


def test_an_answer_that_would_break_its_contract_is_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = answer_to(Subject(request_id="0b0e7c52-31d4-4a3a-9b3e-0f6a7c1d2e3f"), Outcome())
    assert_sound(answer)
    assert (answer.topic, answer.reason) == (FAILED, "internal")
    assert "broke its contract" in caplog.text


def test_what_a_broken_request_tells_is_in_the_answer() -> None:
    event = request("Archon", correlation_id="ticket 7", ts="yesterday")
    subject, found = read_request(encoded(event))
    assert isinstance(found, GateError)
    answer = answer_to(subject, Outcome.of_error(found))
    assert answer.envelope["parent_id"] == event["id"]
    assert answer.envelope["correlation_id"] == "ticket 7"
    assert payload(answer)["name"] == "Archon"
    assert str(payload(answer)["detail"]).startswith("ts: ")


def test_numbers_are_finite() -> None:
    for text in ("NaN", "Infinity", "-Infinity", "1e999"):
        _, found = read_request(b'{"id": ' + text.encode() + b"}")
        assert isinstance(found, GateError)
        assert "is no JSON number" in str(found)
    assert math.isinf(float("1e999"))
