"""What a store of gates does, whatever keeps it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from eval.gates.definition import Gate, default_gates
from eval.gates.requests import PublishRequest
from eval.gates.results import GateRow
from retrieval.chunk import utc_now

Wanted = Callable[[], bool]
"""Says whether anybody still waits for a call."""


def always() -> bool:
    """Say that somebody waits."""
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


@dataclass(frozen=True, slots=True)
class Held:
    """A stored request, as far as it says who may answer it."""

    fingerprint: str
    owner: str
    claimed_until: str
    answer: str | None

    def seen_by(self, request: PublishRequest, owner: str) -> Claim | None:
        """Return whose it is for `owner`; None where `owner` may take it over."""
        if self.fingerprint != request.fingerprint:
            return Claim(another=True)
        if self.answer is not None:
            return Claim(answer=self.answer)
        if self.owner != owner and self.claimed_until > utc_now().isoformat():
            return Claim()
        return None


class GateStore(Protocol):
    """The gates of one mesh. The calls block, and any of them may raise `PmovesError`.

    What one store has claimed and never settled, it may claim again.
    """

    def close(self) -> None:
        """Give the connections back."""
        ...

    def define(self, gates: Sequence[Gate]) -> None:
        """Store `gates`, in the place of those of the same name and version."""
        ...

    def gate(self, name: str, version: str) -> Gate | None:
        """Return the gate of a version of a persona: a stored one, else a default, else None."""
        ...

    def gates(self) -> list[Gate]:
        """Return every gate, stored and default, by name and version."""
        ...

    def claim(self, request: PublishRequest, seconds: float, wanted: Wanted = always) -> Claim:
        """Take a request for `seconds`, unless it has been taken or answered before.

        Nothing is taken unless it is still `wanted` at the end.
        """
        ...

    def settle(self, settled: Settled, wanted: Wanted = always) -> str | None:
        """Store an answer together with what was measured; return the request's one answer.

        That is another one where somebody else has given it meanwhile. Nothing is
        stored, and None returned, unless it is still `wanted` at the end.
        """
        ...

    def answer(self, request_id: str) -> str | None:
        """Return the answer to a request as JSON, or None where there is none."""
        ...

    def answers(self, name: str, version: str, limit: int = 20) -> list[str]:
        """Return the newest answers about a version of a persona as JSON, newest first."""
        ...

    def results(self, name: str | None = None, version: str | None = None) -> list[GateRow]:
        """Return what was measured last, of all personas or of one."""
        ...


def claimed(request: PublishRequest, seconds: float, owner: str) -> dict[str, str]:
    """Return the row of a request that `owner` takes for `seconds`."""
    return {
        "request_id": request.request_id,
        "fingerprint": request.fingerprint,
        "owner": owner,
        "claimed_until": (utc_now() + timedelta(seconds=seconds)).isoformat(),
        "name": request.name,
        "version": request.version,
    }


def defined(gate: Gate) -> dict[str, Any]:
    """Return the row of a gate that is defined now."""
    return {
        "name": gate.name,
        "version": gate.version,
        "definition": gate.model_dump(mode="json", by_alias=True, exclude_unset=True),
        "defined_at": utc_now().isoformat(),
    }


def gate_of(name: str, version: str, definition: object) -> Gate | None:
    """Return the stored gate, or the default one where `definition` is None."""
    if definition is None:
        return default_gates().get((name, version))
    return Gate.model_validate(definition)


def all_gates(definitions: Iterable[object]) -> list[Gate]:
    """Return the stored gates and the default ones whose place none of them takes."""
    stored = map(Gate.model_validate, definitions)
    known = {**default_gates(), **{(gate.name, gate.version): gate for gate in stored}}
    return [known[key] for key in sorted(known)]


def measured(row: GateRow) -> dict[str, Any]:
    """Return `row` by the names of `GateRow`, with its time as text."""
    return {**row.model_dump(), "last_run": row.last_run.isoformat()}


def in_order(rows: Iterable[GateRow]) -> list[GateRow]:
    """Return `rows` as lists have them; databases sort texts each in its own way."""
    return sorted(rows, key=lambda row: row.key)
