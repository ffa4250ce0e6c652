"""Events, and ids that are the same however often something is tried."""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime

from publishing.events.contracts import CONTRACTS
from publishing.events.errors import EventError
from retrieval.chunk import JsonValue

SOURCE = "pmoves-mesh"
_EVENTS = uuid.uuid5(uuid.NAMESPACE_URL, "pmoves:event")


@dataclass(frozen=True, slots=True)
class Event:
    """One event about a document.

    It is true once the ledger's row of the document says `ledger_at` as the time of its
    last change; until then it is only prepared.
    """

    event_id: str
    topic: str
    namespace: str
    doc_id: str
    ledger_at: datetime
    envelope: dict[str, JsonValue]


def new_event(
    topic: str,
    document: tuple[str, str],
    ledger_at: datetime,
    payload: dict[str, JsonValue],
    *identity: str,
) -> Event:
    """Return an event about `document` (namespace, doc_id), which holds its contract.

    `identity` tells this change of the document from all others, and is the same when
    the change is tried again. Raises `EventError`.
    """
    name = json.dumps([topic, *document, *identity])
    event_id = str(uuid.uuid5(_EVENTS, name))
    envelope: dict[str, JsonValue] = {
        "id": event_id,
        "topic": topic,
        "ts": ledger_at.isoformat(),
        "version": "v1",
        "source": SOURCE,
        "payload": payload,
    }
    if fault := CONTRACTS.fault(envelope):
        raise EventError(f"the event {topic} about {document[1]!r} breaks its contract: {fault}")
    return Event(event_id, topic, *document, ledger_at, envelope)
