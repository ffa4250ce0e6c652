"""Who gets which event, what came of it, and when it is tried again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel

from publishing.events.outbox import Outbox
from publishing.events.tables import DELIVERIES, EVENTS
from retrieval.chunk import JsonValue, utc_now

# Prepared events wait for a commit, ready ones for their deliveries, sent ones have these.
EventState = Literal["prepared", "ready", "sent"]
DeliveryState = Literal["waiting", "delivered", "dead"]


class Delivery(BaseModel):
    """One event on its way to one webhook."""

    event_id: str
    url: str
    topic: str
    namespace: str
    doc_id: str
    state: DeliveryState
    attempts: int
    due_at: datetime
    error: str | None
    delivered_at: datetime | None
    envelope: dict[str, JsonValue]


_COLUMNS = (*DELIVERIES.c, EVENTS.c.topic, EVENTS.c.namespace, EVENTS.c.doc_id, EVENTS.c.envelope)
_JOINED = DELIVERIES.join(EVENTS, DELIVERIES.c.event_id == EVENTS.c.event_id)


class Deliveries:
    """The deliveries in an outbox. The calls block and raise `EventError`."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def assign(self, urls: Sequence[str], topics: Sequence[str], limit: int = 500) -> int:
        """Give ready events to each of `urls`, those of `topics` or all; return how many events."""
        now = utc_now().isoformat()
        with self._outbox.transaction() as connection:
            query = sa.select(EVENTS.c.event_id, EVENTS.c.topic).where(EVENTS.c.state == "ready")
            rows = connection.execute(query.order_by(EVENTS.c.created_at).limit(limit)).all()
            mine = [
                row
                for row in rows
                # Of two processes that see an event as ready, one gets it.
                if connection.execute(
                    EVENTS.update()
                    .where(EVENTS.c.event_id == row.event_id, EVENTS.c.state == "ready")
                    .values(state="sent")
                ).rowcount
            ]
            new = [
                _waiting(row.event_id, url, now)
                for row in mine
                if not topics or row.topic in topics
                for url in urls
            ]
            if new:
                connection.execute(DELIVERIES.insert(), new)
        return len(rows)

    def claim(self, seconds: float, limit: int = 50) -> list[Delivery]:
        """Return deliveries that are due; nobody else gets them for so many seconds."""
        now = utc_now()
        due = DELIVERIES.c.state == "waiting", DELIVERIES.c.due_at <= now.isoformat()
        until = (now + timedelta(seconds=seconds)).isoformat()
        with self._outbox.transaction() as connection:
            query = sa.select(*_COLUMNS).select_from(_JOINED).where(*due)
            rows = connection.execute(query.order_by(DELIVERIES.c.due_at).limit(limit)).all()
            return [
                _delivery(row)
                for row in rows
                if connection.execute(
                    DELIVERIES.update()
                    .where(*_same(row.event_id, row.url), DELIVERIES.c.due_at == row.due_at)
                    .values(due_at=until)
                ).rowcount
            ]

    def delivered(self, delivery: Delivery) -> None:
        """Note that the webhook has the event."""
        done = {"state": "delivered", "delivered_at": utc_now().isoformat(), "error": None}
        self._update(delivery, **done, attempts=delivery.attempts + 1)

    def failed(self, delivery: Delivery, error: str, pause_s: float | None) -> None:
        """Note a failure; the next try comes after `pause_s`, with None never."""
        values: dict[str, Any] = {"error": error[:1_000], "attempts": delivery.attempts + 1}
        if pause_s is None:
            values["state"] = "dead"
        else:
            values["due_at"] = (utc_now() + timedelta(seconds=pause_s)).isoformat()
        self._update(delivery, **values)

    def list(
        self,
        state: DeliveryState | None = None,
        topic: str | None = None,
        limit: int = 100,
    ) -> list[Delivery]:
        """Return deliveries, the newest events first."""
        query = sa.select(*_COLUMNS).select_from(_JOINED)
        if state is not None:
            query = query.where(DELIVERIES.c.state == state)
        if topic is not None:
            query = query.where(EVENTS.c.topic == topic)
        query = query.order_by(EVENTS.c.created_at.desc(), DELIVERIES.c.url).limit(limit)
        with self._outbox.transaction() as connection:
            return [_delivery(row) for row in connection.execute(query).all()]

    def counts(self) -> dict[DeliveryState, int]:
        """Return how many deliveries are in each state."""
        query = sa.select(DELIVERIES.c.state, sa.func.count()).group_by(DELIVERIES.c.state)
        found: dict[DeliveryState, int] = {"waiting": 0, "delivered": 0, "dead": 0}
        with self._outbox.transaction() as connection:
            for state, count in connection.execute(query):
                found[state] = count
        return found

    def replay(
        self,
        urls: Sequence[str],
        event_ids: Sequence[str] = (),
        state: DeliveryState | None = None,
        since: datetime | None = None,
    ) -> int:
        """Have events delivered once more, to the webhooks that had them; return how many.

        Those of `event_ids` go to all of `urls` too, whether or not these had them.
        """
        now = utc_now().isoformat()
        chosen: list[sa.ColumnElement[bool]] = []
        if event_ids:
            chosen.append(DELIVERIES.c.event_id.in_(event_ids))
        if state is not None:
            chosen.append(DELIVERIES.c.state == state)
        if since is not None:
            newer = sa.select(EVENTS.c.event_id).where(EVENTS.c.created_at >= since.isoformat())
            chosen.append(DELIVERIES.c.event_id.in_(newer))
        again = {"state": "waiting", "due_at": now, "attempts": 0, "error": None}
        with self._outbox.transaction() as connection:
            count = connection.execute(DELIVERIES.update().where(*chosen).values(again)).rowcount
            for event_id in event_ids:
                count += _given(connection, event_id, urls, now)
        return count

    def _update(self, delivery: Delivery, **values: Any) -> None:
        same = _same(delivery.event_id, delivery.url)
        with self._outbox.transaction() as connection:
            connection.execute(DELIVERIES.update().where(*same).values(values))


def _given(connection: sa.Connection, event_id: str, urls: Sequence[str], now: str) -> int:
    """Give a true event to those of `urls` that never had it; return to how many."""
    event = EVENTS.c.event_id == event_id, EVENTS.c.state != "prepared"
    if connection.execute(sa.select(EVENTS.c.event_id).where(*event)).first() is None:
        return 0
    had = sa.select(DELIVERIES.c.url).where(DELIVERIES.c.event_id == event_id)
    new = sorted(set(urls) - set(connection.execute(had).scalars()))
    if new:
        connection.execute(DELIVERIES.insert(), [_waiting(event_id, url, now) for url in new])
    return len(new)


def _same(event_id: str, url: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return DELIVERIES.c.event_id == event_id, DELIVERIES.c.url == url


def _waiting(event_id: str, url: str, now: str) -> dict[str, Any]:
    return {"event_id": event_id, "url": url, "state": "waiting", "attempts": 0, "due_at": now}


def _delivery(row: sa.Row[Any]) -> Delivery:
    return Delivery.model_validate(dict(row._mapping))
