"""Gates in the state database."""

import threading
import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from eval.gates.definition import Gate
from eval.gates.requests import PublishRequest
from eval.gates.results import GateRow
from eval.gates.stores.base import (
    Claim,
    Held,
    Settled,
    Wanted,
    all_gates,
    always,
    claimed,
    defined,
    gate_of,
    in_order,
    measured,
)
from eval.gates.tables import GATES, REQUESTS, RESULTS
from retrieval.chunk import utc_now
from retrieval.state.database import open_database

_LOCK = sa.func.pg_advisory_xact_lock


class SqlGateStore:
    """The gates of one mesh, in its state database, which the first call opens.

    See `eval.gates.stores.base.GateStore`.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: sa.Engine | None = None
        self._opening = threading.Lock()
        self._owner = str(uuid.uuid4())

    def close(self) -> None:
        """Give the connections back."""
        if self._engine is not None:
            self._engine.dispose()

    def define(self, gates: Sequence[Gate]) -> None:
        """Store `gates`, in the place of those of the same name and version."""
        with self._tables.begin() as connection:
            for gate in gates:
                same = (GATES.c.name == gate.name, GATES.c.version == gate.version)
                connection.execute(GATES.delete().where(*same))
                connection.execute(GATES.insert().values(defined(gate)))

    def gate(self, name: str, version: str) -> Gate | None:
        """Return a stored gate, else a default, else None."""
        same = (GATES.c.name == name, GATES.c.version == version)
        with self._tables.connect() as connection:
            found = connection.execute(sa.select(GATES.c.definition).where(*same)).scalar()
        return gate_of(name, version, found)

    def gates(self) -> list[Gate]:
        """Return every gate, stored and default."""
        with self._tables.connect() as connection:
            return all_gates(connection.execute(sa.select(GATES.c.definition)).scalars().all())

    def claim(self, request: PublishRequest, seconds: float, wanted: Wanted = always) -> Claim:
        """Take a request, unless it has been taken or answered before."""
        values = claimed(request, seconds, self._owner)
        try:
            with self._tables.connect() as connection:
                connection.execute(REQUESTS.insert().values(values))
                return Claim(mine=_committed(connection, wanted))
        except IntegrityError:
            return self._claim_again(request, values)

    def settle(self, settled: Settled, wanted: Wanted = always) -> str | None:
        """Store an answer together with what was measured; return the request's one answer."""
        mine = REQUESTS.c.request_id == settled.request_id
        values = {"answer": settled.answer, "answered_at": utc_now().isoformat()}
        with self._tables.connect() as connection:
            open_still = (mine, REQUESTS.c.answer.is_(None))
            if connection.execute(REQUESTS.update().where(*open_still).values(values)).rowcount:
                _replace(connection, settled.rows)
                if not _committed(connection, wanted):
                    return None
            found = connection.execute(sa.select(REQUESTS.c.answer).where(mine)).scalar()
        return None if found is None else str(found)

    def answer(self, request_id: str) -> str | None:
        """Return the answer to a request as JSON, or None where there is none."""
        query = sa.select(REQUESTS.c.answer).where(REQUESTS.c.request_id == request_id.lower())
        with self._tables.connect() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else str(found)

    def answers(self, name: str, version: str, limit: int = 20) -> list[str]:
        """Return the newest answers about a version of a persona as JSON, newest first."""
        about = (REQUESTS.c.name == name, REQUESTS.c.version == version)
        query = sa.select(REQUESTS.c.answer).where(*about, REQUESTS.c.answer.is_not(None))
        newest = query.order_by(REQUESTS.c.answered_at.desc()).limit(limit)
        with self._tables.connect() as connection:
            return [str(found) for found in connection.execute(newest).scalars()]

    def results(self, name: str | None = None, version: str | None = None) -> list[GateRow]:
        """Return what was measured last, of all personas or of one."""
        query = RESULTS.select()
        if name is not None:
            query = query.where(RESULTS.c.name == name)
        if version is not None:
            query = query.where(RESULTS.c.version == version)
        with self._tables.connect() as connection:
            return in_order(map(_row, connection.execute(query).all()))

    @property
    def _tables(self) -> sa.Engine:
        """The database, opened now if it could not be before."""
        with self._opening:
            if self._engine is None:
                self._engine = open_database(self._url)
        return self._engine

    def _claim_again(self, request: PublishRequest, values: dict[str, str]) -> Claim:
        """Take over a request that this store, or a process that died, left without an answer."""
        same = REQUESTS.c.request_id == request.request_id
        with self._tables.begin() as connection:
            row = connection.execute(REQUESTS.select().where(same)).one()
            held = Held(row.fingerprint, row.owner, row.claimed_until, row.answer)
            if found := held.seen_by(request, self._owner):
                return found
            seen = (
                same,
                REQUESTS.c.answer.is_(None),
                REQUESTS.c.claimed_until == row.claimed_until,
            )
            taken = connection.execute(REQUESTS.update().where(*seen).values(values)).rowcount
        return Claim(mine=bool(taken))


def _committed(connection: sa.Connection, wanted: Wanted) -> bool:
    """Commit what is still wanted; say whether it was."""
    kept = wanted()
    connection.commit() if kept else connection.rollback()
    return kept


def _replace(connection: sa.Connection, rows: Sequence[GateRow]) -> None:
    """Put `rows` in the place of those of the same personas and data sets."""
    if connection.dialect.name == "postgresql":
        for persona in sorted({row.persona_id for row in rows}):
            # Two that replace the same rows would not see each other's.
            connection.execute(sa.select(_LOCK(sa.func.hashtextextended(persona, 0))))
    for key in {(row.persona_id, row.name, row.version, row.dataset_id) for row in rows}:
        columns = (RESULTS.c.persona_id, RESULTS.c.name, RESULTS.c.version, RESULTS.c.dataset_id)
        same = [column == value for column, value in zip(columns, key, strict=True)]
        connection.execute(RESULTS.delete().where(*same))
    if rows:
        connection.execute(RESULTS.insert(), list(map(measured, rows)))


def _row(row: sa.Row[tuple[object, ...]]) -> GateRow:
    return GateRow.model_validate(dict(zip(RESULTS.c.keys(), row, strict=True)))
