"""Gates, requests with their answers, and what was measured, in the state database."""

import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from eval.gates.definition import Gate, default_gates
from eval.gates.requests import PublishRequest
from eval.gates.results import GateRow
from eval.gates.tables import GATES, REQUESTS, RESULTS
from retrieval.chunk import utc_now
from retrieval.state.database import open_database

Wanted = Callable[[], bool]
"""Says whether anybody still waits for a call."""


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose a request is.

    `mine` for whoever must answer it now; else `answer` is there already, somebody
    `busy` is about to give it, or the id belongs to `another` request.
    """

    mine: bool = False
    answer: str | None = None
    another: bool = False

    @property
    def busy(self) -> bool:
        """Whether another process answers it."""
        return not (self.mine or self.answer or self.another)


@dataclass(frozen=True, slots=True)
class Settled:
    """What a request has come to: its answer as JSON, and rows of what was measured."""

    request_id: str
    answer: str
    rows: Sequence[GateRow] = ()


class GateStore:
    """The gates of one mesh, in its state database, which the first call opens. The calls block.

    What one store has claimed and never settled, it may claim again.
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
        now = utc_now().isoformat()
        with self._tables.begin() as connection:
            for gate in gates:
                same = (GATES.c.name == gate.name, GATES.c.version == gate.version)
                connection.execute(GATES.delete().where(*same))
                definition = gate.model_dump(mode="json", by_alias=True, exclude_unset=True)
                row = {"name": gate.name, "version": gate.version, "defined_at": now}
                connection.execute(GATES.insert().values(row | {"definition": definition}))

    def gate(self, name: str, version: str) -> Gate | None:
        """Return the gate of a version of a persona: a stored one, else a default, else None."""
        same = (GATES.c.name == name, GATES.c.version == version)
        with self._tables.connect() as connection:
            found = connection.execute(sa.select(GATES.c.definition).where(*same)).scalar()
        return default_gates().get((name, version)) if found is None else Gate.model_validate(found)

    def gates(self) -> list[Gate]:
        """Return every gate, stored and default, by name and version."""
        with self._tables.connect() as connection:
            stored = connection.execute(sa.select(GATES.c.definition)).scalars().all()
        found = map(Gate.model_validate, stored)
        known = {**default_gates(), **{(gate.name, gate.version): gate for gate in found}}
        return [known[key] for key in sorted(known)]

    def claim(self, request: PublishRequest, seconds: float, wanted: Wanted = _always) -> Claim:
        """Take a request for `seconds`, unless it has been taken or answered before.

        Nothing is taken unless it is still `wanted` at the end.
        """
        values = self._claimed(request, seconds)
        try:
            with self._tables.connect() as connection:
                connection.execute(REQUESTS.insert().values(values))
                return Claim(mine=_committed(connection, wanted))
        except IntegrityError:
            return self._claim_again(request, values)

    def settle(self, settled: Settled, wanted: Wanted = _always) -> str | None:
        """Store an answer together with what was measured; return the request's one answer.

        That is another one where somebody else has given it meanwhile. Nothing is
        stored, and None returned, unless it is still `wanted` at the end.
        """
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
            rows = connection.execute(query).all()
        # Databases sort texts each in its own way.
        return sorted(map(_row, rows), key=lambda row: row.key)

    @property
    def _tables(self) -> sa.Engine:
        """The database, opened now if it could not be before."""
        with self._opening:
            if self._engine is None:
                self._engine = open_database(self._url)
        return self._engine

    def _claimed(self, request: PublishRequest, seconds: float) -> dict[str, str]:
        return {
            "request_id": request.request_id,
            "fingerprint": request.fingerprint,
            "owner": self._owner,
            "claimed_until": (utc_now() + timedelta(seconds=seconds)).isoformat(),
            "name": request.name,
            "version": request.version,
        }

    def _claim_again(self, request: PublishRequest, values: dict[str, str]) -> Claim:
        """Take over a request that this store, or a process that died, left without an answer."""
        same = REQUESTS.c.request_id == request.request_id
        with self._tables.begin() as connection:
            row = connection.execute(REQUESTS.select().where(same)).one()
            if row.fingerprint != request.fingerprint:
                return Claim(another=True)
            if row.answer is not None:
                return Claim(answer=row.answer)
            if row.owner != self._owner and row.claimed_until > utc_now().isoformat():
                return Claim()
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
    for key in {(row.persona_id, row.name, row.version, row.dataset_id) for row in rows}:
        columns = (RESULTS.c.persona_id, RESULTS.c.name, RESULTS.c.version, RESULTS.c.dataset_id)
        same = [column == value for column, value in zip(columns, key, strict=True)]
        connection.execute(RESULTS.delete().where(*same))
    if rows:
        values = [{**row.model_dump(), "last_run": row.last_run.isoformat()} for row in rows]
        connection.execute(RESULTS.insert(), values)


def _row(row: sa.Row[tuple[object, ...]]) -> GateRow:
    return GateRow.model_validate(dict(zip(RESULTS.c.keys(), row, strict=True)))
