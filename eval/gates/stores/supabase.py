"""Gates in a Supabase project, by its REST interface and a key.

It has no transactions of several requests: a request is claimed by statements that
each take it whole, and settled by a function in the database.
"""

import uuid
from collections.abc import Sequence
from typing import Any

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
from retrieval.engine_settings import SupabaseSettings
from retrieval.state.supabase import SupabaseTables

_NAMES = {column.key: column.name for column in RESULTS.columns}
_HELD = ("fingerprint", "owner", "claimed_until", "answer")


class SupabaseGateStore:
    """The gates of one mesh, in the tables that its migrations made in a Supabase project.

    What nobody `wanted` any more is not sent; what is under way by then may still be
    stored, and is found by whoever asks again. See `eval.gates.stores.base.GateStore`.
    """

    def __init__(self, settings: SupabaseSettings) -> None:
        self._tables = SupabaseTables(settings)
        self._owner = str(uuid.uuid4())

    def close(self) -> None:
        """Give the connections back."""
        self._tables.close()

    def define(self, gates: Sequence[Gate]) -> None:
        """Store `gates`, in the place of those of the same name and version."""
        newest = {(gate.name, gate.version): defined(gate) for gate in gates}
        if newest:
            rows = list(newest.values())
            self._tables.ask(lambda at: at.table(GATES.name).upsert(rows))

    def gate(self, name: str, version: str) -> Gate | None:
        """Return a stored gate, else a default, else None."""
        found = self._tables.rows(
            lambda at: (
                at.table(GATES.name).select("definition").eq("name", name).eq("version", version)
            )
        )
        return gate_of(name, version, found[0]["definition"] if found else None)

    def gates(self) -> list[Gate]:
        """Return every gate, stored and default."""
        found = self._tables.all_rows(
            lambda at: at.table(GATES.name).select("definition").order("name").order("version")
        )
        return all_gates(row["definition"] for row in found)

    def claim(self, request: PublishRequest, seconds: float, wanted: Wanted = always) -> Claim:
        """Take a request, unless it has been taken or answered before."""
        values = claimed(request, seconds, self._owner)
        if not wanted():
            return Claim()
        made = self._tables.rows(
            lambda at: at.table(REQUESTS.name).upsert([values], ignore_duplicates=True)
        )
        return Claim(mine=True) if made else self._claim_again(request, values)

    def settle(self, settled: Settled, wanted: Wanted = always) -> str | None:
        """Store an answer together with what was measured; return the request's one answer."""
        given = {
            "asked": settled.request_id,
            "given": settled.answer,
            "given_at": utc_now().isoformat(),
            "measured": list(map(_stored, settled.rows)),
        }
        if not wanted():
            return None
        found = self._tables.ask(lambda at: at.rpc("settle_persona_gate", given))
        return None if found is None else str(found)

    def answer(self, request_id: str) -> str | None:
        """Return the answer to a request as JSON, or None where there is none."""
        row = self._request(request_id.lower())
        return None if row is None else row.answer

    def answers(self, name: str, version: str, limit: int = 20) -> list[str]:
        """Return the newest answers about a version of a persona as JSON, newest first."""
        found = self._tables.rows(
            lambda at: (
                at.table(REQUESTS.name)
                .select("answer")
                .eq("name", name)
                .eq("version", version)
                .not_.is_("answer", "null")
                .order("answered_at", desc=True)
                .limit(limit)
            )
        )
        return [row["answer"] for row in found]

    def results(self, name: str | None = None, version: str | None = None) -> list[GateRow]:
        """Return what was measured last, of all personas or of one.

        What is more than the project answers at once comes in parts, which are not of one moment.
        """
        asked = {"name": name, "version": version}
        same = {column: value for column, value in asked.items() if value is not None}
        found = self._tables.all_rows(lambda at: _sorted(at.table(RESULTS.name), same))
        return in_order(map(_read, found))

    def _request(self, request_id: str) -> Held | None:
        found = self._tables.rows(
            lambda at: at.table(REQUESTS.name).select(*_HELD).eq("request_id", request_id)
        )
        return Held(**found[0]) if found else None

    def _claim_again(self, request: PublishRequest, values: dict[str, str]) -> Claim:
        """Take over a request that this store, or a process that died, left without an answer."""
        held = self._request(request.request_id)
        if held is None:
            return Claim()
        if found := held.seen_by(request, self._owner):
            return found
        taken = self._tables.rows(
            lambda at: (
                at.table(REQUESTS.name)
                .update(values)
                .eq("request_id", request.request_id)
                .eq("claimed_until", held.claimed_until)
                .is_("answer", "null")
            )
        )
        return Claim(mine=bool(taken))


def _sorted(table: Any, same: dict[str, str]) -> Any:
    query = table.select("*")
    for column, value in same.items():
        query = query.eq(column, value)
    for key in RESULTS.primary_key:
        query = query.order(key.name)
    return query


def _stored(row: GateRow) -> dict[str, Any]:
    return {_NAMES[key]: value for key, value in measured(row).items()}


def _read(row: dict[str, Any]) -> GateRow:
    return GateRow.model_validate({key: row[name] for key, name in _NAMES.items()})
