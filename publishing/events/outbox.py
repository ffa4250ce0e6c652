"""The outbox: events wait in the state database until the ledger makes them true.

A commit of documents goes to the corpus and its events to the database, and no transaction
spans both. So events are prepared first, then the corpus is committed, then they are
confirmed. Killed before the commit, they stay prepared, which is the same as not there, and
the next try prepares them again under the same ids. Killed after it, whoever looks next
finds in the ledger the very moment that a prepared event waits for, and confirms it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from publishing.events.errors import EventError
from publishing.events.event import Event
from publishing.events.tables import DELIVERIES, EVENTS
from retrieval.chunk import Document, utc_now
from retrieval.state.database import open_database

DocumentKey = tuple[str, str]
Ledger = Callable[[Collection[DocumentKey]], Mapping[DocumentKey, Document]]
_TOGETHER = 500


class Outbox:
    """The events of one mesh; safe from several processes. The calls block.

    All raise `EventError` where the database does not do its part.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_database(url)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def prepare(self, events: Sequence[Event]) -> None:
        """Store events that become true with the commit that follows."""
        if not events:
            return
        rows = {event.event_id: _row(event) for event in events}
        try:
            self._store(rows)
        except EventError as error:
            if not isinstance(error.__cause__, sa.exc.IntegrityError):
                raise
            # Another process has stored the same meanwhile.
            self._store(rows)

    def _store(self, rows: Mapping[str, dict[str, Any]]) -> None:
        with self.transaction() as connection:
            known = {
                row.event_id: row.state
                for part in _parts(list(rows))
                for row in connection.execute(
                    sa.select(EVENTS.c.event_id, EVENTS.c.state).where(EVENTS.c.event_id.in_(part))
                )
            }
            # A try before this one came as far as here, and waits for another moment.
            for event_id in [name for name, state in known.items() if state == "prepared"]:
                again = EVENTS.update().where(EVENTS.c.event_id == event_id)
                connection.execute(again.values(rows[event_id]))
            new = [row for event_id, row in rows.items() if event_id not in known]
            if new:
                connection.execute(EVENTS.insert(), new)

    def confirm(self, event_ids: Sequence[str]) -> None:
        """Make prepared events true: they will be delivered."""
        with self.transaction() as connection:
            for part in _parts(event_ids):
                connection.execute(
                    EVENTS.update()
                    .where(EVENTS.c.event_id.in_(part), EVENTS.c.state == "prepared")
                    .values(state="ready")
                )

    def settle(self, known: Mapping[DocumentKey, Document]) -> None:
        """Confirm those prepared events about the documents in `known` that its rows make true.

        Whoever replaces rows of the ledger calls it with the old ones first.
        """
        found: list[str] = []
        with self.transaction() as connection:
            for part in _parts(sorted({doc_id for _, doc_id in known})):
                waiting = EVENTS.c.doc_id.in_(part), EVENTS.c.state == "prepared"
                rows = connection.execute(sa.select(*_PREPARED).where(*waiting)).all()
                found += _true(rows, known)
        if found:
            self.confirm(found)

    def recover(self, ledger: Ledger) -> int:
        """Confirm every prepared event that the ledger makes true; return how many."""
        count, after = 0, ""
        while True:
            with self.transaction() as connection:
                waiting = EVENTS.c.state == "prepared", EVENTS.c.event_id > after
                query = sa.select(*_PREPARED).where(*waiting).order_by(EVENTS.c.event_id)
                rows = connection.execute(query.limit(_TOGETHER)).all()
            if not rows:
                return count
            found = _true(rows, ledger({(row.namespace, row.doc_id) for row in rows}))
            self.confirm(found)
            count, after = count + len(found), rows[-1].event_id

    def purge(self, before: datetime) -> int:
        """Remove events from before a moment, but for those with deliveries to come or dead."""
        open_still = sa.select(DELIVERIES.c.event_id).where(DELIVERIES.c.state != "delivered")
        old = (
            EVENTS.c.created_at < before.isoformat(),
            EVENTS.c.state != "ready",
            EVENTS.c.event_id.not_in(open_still),
        )
        with self.transaction() as connection:
            ids = sa.select(EVENTS.c.event_id).where(*old)
            connection.execute(DELIVERIES.delete().where(DELIVERIES.c.event_id.in_(ids)))
            return connection.execute(EVENTS.delete().where(*old)).rowcount

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Enter one transaction of the database."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            reason = str(error).partition("\n")[0]
            raise EventError(f"the outbox of events cannot be used: {reason}") from error


_PREPARED = (EVENTS.c.event_id, EVENTS.c.namespace, EVENTS.c.doc_id, EVENTS.c.ledger_at)


def _true(rows: Sequence[Any], known: Mapping[DocumentKey, Document]) -> list[str]:
    """Return the ids of the prepared events that wait for the rows in `known`."""
    return [
        row.event_id
        for row in rows
        if (document := known.get((row.namespace, row.doc_id)))
        and document.updated_at.isoformat() == row.ledger_at
    ]


def _row(event: Event) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "topic": event.topic,
        "namespace": event.namespace,
        "doc_id": event.doc_id,
        "state": "prepared",
        "ledger_at": event.ledger_at.isoformat(),
        "envelope": event.envelope,
        "created_at": utc_now().isoformat(),
    }


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _TOGETHER):
        yield values[start : start + _TOGETHER]
