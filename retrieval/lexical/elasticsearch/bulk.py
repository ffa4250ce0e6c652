"""Writing many entries: in pieces, patient with a busy engine, and exact about what failed."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retrieval.errors import EngineError
from retrieval.lexical.elasticsearch.client import reason
from retrieval.lexical.pieces import pieces
from retrieval.projection.base import Key, Refusal

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_ATTEMPTS = 7
_FIRST_PAUSE_S = 0.25
_BUSY = frozenset({429, 502, 503, 504})
# Not there, or newer already: what was to be done is done.
_DONE = frozenset({404, 409})


@dataclass(frozen=True, slots=True)
class Operation:
    """One entry to put, or to remove where `document` is None."""

    key: Key
    entry_id: str
    document: dict[str, Any] | None = None

    def lines(self, version: int) -> list[dict[str, Any]]:
        """Return this as it stands in a bulk request."""
        action = "delete" if self.document is None else "index"
        head = {"_id": self.entry_id, "version": version, "version_type": "external_gte"}
        return [{action: head}] if self.document is None else [{action: head}, self.document]


def write(
    client: "Elasticsearch", index: str, operations: Sequence[Operation], version: int
) -> list[Refusal]:
    """Carry out `operations`, of which each counts where nothing newer than `version` is there.

    Waits while the engine is busy. What fails among others is tried once more alone.
    Raises `EngineError` when the engine does not take them within about half a minute.
    """
    refused: list[Refusal] = []
    for piece in pieces(operations):
        failed = _send_patiently(client, index, piece, version)
        for operation in piece:
            if operation.entry_id in failed:
                refused += _send_patiently(client, index, [operation], version).values()
    return refused


def _send_patiently(
    client: "Elasticsearch", index: str, operations: Sequence[Operation], version: int
) -> dict[str, Refusal]:
    """Return by id what failed for good; what a busy engine left is sent again."""
    failed: dict[str, Refusal] = {}
    waiting, said = list(operations), ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(random.uniform(0.5, 1) * _FIRST_PAUSE_S * 2**attempt)
        waiting, said = _send(client, index, waiting, version, failed)
        if not waiting:
            return failed
    raise EngineError(f"elasticsearch takes no writes: {said}")


def _send(
    client: "Elasticsearch",
    index: str,
    operations: list[Operation],
    version: int,
    failed: dict[str, Refusal],
) -> tuple[list[Operation], str]:
    """Send `operations`; note which failed, return those to be sent again and why."""
    from elasticsearch import ApiError, TransportError

    lines = [line for operation in operations for line in operation.lines(version)]
    try:
        items = client.bulk(index=index, operations=lines, require_alias=False)["items"]
    except ApiError as error:
        if error.status_code in _BUSY:
            return operations, reason(error)
        raise EngineError(f"elasticsearch: {reason(error)}") from error
    except TransportError as error:
        raise EngineError(f"elasticsearch: {reason(error)}") from error
    again, said = [], ""
    for operation, item in zip(operations, items, strict=True):
        result = next(iter(item.values()))
        status, fault = result["status"], result.get("error") or {}
        why = f"status {status}: {fault.get('type')}: {fault.get('reason')}"[:300]
        if status in _BUSY:
            again.append(operation)
            said = why
        elif status >= 300 and status not in _DONE:
            failed[operation.entry_id] = Refusal(operation.key, why)
    return again, said
