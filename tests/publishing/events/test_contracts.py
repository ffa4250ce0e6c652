"""Contracts are closed, and refuse what breaks them by its place."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from publishing.events.contracts import CONTRACTS, FILE_ADDED, TOPICS
from publishing.events.errors import EventError
from publishing.events.event import new_event
from publishing.events.settings import EventSettings, Topic
from retrieval.chunk import utc_now

ADDED = {"file_id": "a", "uri": "file:///a", "kind": "document", "namespace": "studio"}


def envelope(**changes: Any) -> dict[str, Any]:
    event = new_event(FILE_ADDED, ("studio", "a"), utc_now(), dict(ADDED))
    return event.envelope | changes


@pytest.mark.parametrize("name", CONTRACTS.names)
def test_schemas_are_schemas_and_closed(name: str) -> None:
    schema = CONTRACTS.schema(name)
    Draft202012Validator.check_schema(schema)
    if name != "common":
        assert schema["additionalProperties"] is False


def test_every_topic_can_be_chosen() -> None:
    assert set(Topic.__args__) == set(TOPICS)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"id": "x"}, "id"),
        ({"topic": "ingest.file.added.v2"}, "topic"),
        ({"ts": "yesterday"}, "ts"),
        ({"version": "v2"}, "version"),
        ({"more": 1}, "the whole"),
        ({"payload": {**ADDED, "kind": "film"}}, "payload.kind"),
        ({"payload": {**ADDED, "size": 1}}, "payload.the whole"),
        ({"payload": {"uri": "x"}}, "payload.the whole"),
        ({"payload": {**ADDED, "uri": ""}}, "payload.uri"),
    ],
)
def test_what_breaks_a_contract_is_named(changes: dict[str, Any], place: str) -> None:
    assert CONTRACTS.fault(envelope()) is None
    fault = CONTRACTS.fault(envelope(**changes))
    assert fault is not None
    assert fault.startswith(f"{place}:")


def test_no_event_is_made_that_breaks_its_contract() -> None:
    with pytest.raises(EventError, match="payload"):
        new_event(FILE_ADDED, ("studio", "a"), utc_now(), {"uri": "x"})


def test_ids_depend_on_what_happened_and_not_on_when() -> None:
    def made(*identity: str, doc_id: str = "a") -> str:
        return new_event(FILE_ADDED, ("studio", doc_id), utc_now(), dict(ADDED), *identity).event_id

    assert made("1") == made("1")
    assert len({made("1"), made("2"), made("1", "2"), made("1", doc_id="b")}) == 4


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"webhooks": ["https://a.example/"]}, "webhooks need one"),
        ({"webhooks": ["ftp://a.example/"], "secret": "whsec_" + "A" * 40}, "webhooks"),
        ({"secret": "short"}, "secret"),
        ({"secret": "whsec_####"}, "secret"),
        ({"topics": ["ingest.other.v1"]}, "topics"),
    ],
)
def test_settings_that_cannot_be(values: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        EventSettings.model_validate(values)
