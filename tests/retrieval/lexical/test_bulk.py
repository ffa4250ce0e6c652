"""Bulk writes: patient with a busy engine, exact about what failed."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest
from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig
from elasticsearch import ApiError, Elasticsearch

from retrieval.errors import EngineError
from retrieval.lexical.elasticsearch.bulk import Operation, write

ANSWERED = NodeConfig("http", "127.0.0.1", 9200)


class Client:
    """Answers bulk requests by what stands in `script` for an entry: a status for each try."""

    def __init__(self, script: dict[str, list[int]], whole: Sequence[int] = ()) -> None:
        self.sent: list[list[str]] = []
        self._script = script
        self._whole: Iterator[int] = iter(whole)

    def bulk(self, *, index: str, operations: list[dict[str, Any]], **_: object) -> dict[str, Any]:
        heads = [line for line in operations if "index" in line or "delete" in line]
        ids = [next(iter(head.values()))["_id"] for head in heads]
        self.sent.append(ids)
        if status := next(self._whole, 0):
            meta = ApiResponseMeta(status, "1.1", HttpHeaders(), 0.0, ANSWERED)
            raise ApiError("busy", meta, {"error": {"type": "full", "reason": "queue"}})
        return {"items": [{"index": self._item(entry)} for entry in ids]}

    def _item(self, entry: str) -> dict[str, Any]:
        left = self._script.get(entry) or [200]
        status = left.pop(0) if len(left) > 1 else left[0]
        return {"status": status, "error": {"type": "odd", "reason": f"of {entry}"}}


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, in no time."""
    made: list[float] = []
    monkeypatch.setattr("time.sleep", made.append)
    return made


def send(client: Client, *ids: str) -> list[str]:
    operations = [Operation(("ns", name), name, {"text": name}) for name in ids]
    refused = write(cast(Elasticsearch, client), "index", operations, 7)
    return [f"{part.key[1]}: {part.reason}" for part in refused]


def test_a_busy_engine_is_waited_for(pauses: list[float]) -> None:
    client = Client({}, whole=[429, 503])
    assert send(client, "a", "b") == []
    assert client.sent == [["a", "b"]] * 3
    assert len(pauses) == 2
    assert pauses[1] > pauses[0]


def test_only_what_a_busy_engine_left_is_sent_again() -> None:
    client = Client({"b": [429, 429, 200]})
    assert send(client, "a", "b", "c") == []
    assert client.sent == [["a", "b", "c"], ["b"], ["b"]]


def test_what_fails_is_tried_once_more_alone_and_named() -> None:
    client = Client({"b": [400, 200], "c": [400]})
    assert send(client, "a", "b", "c") == ["c: status 400: odd: of c"]
    assert client.sent == [["a", "b", "c"], ["b"], ["c"]]


def test_what_is_newer_or_gone_already_is_done() -> None:
    client = Client({"a": [409], "b": [404]})
    assert send(client, "a", "b") == []
    assert client.sent == [["a", "b"]]


def test_an_engine_that_stays_busy_is_an_error(pauses: list[float]) -> None:
    with pytest.raises(EngineError, match="takes no writes: status 429: full: queue"):
        send(Client({}, whole=[429] * 99), "a")
    assert 10 < sum(pauses) < 60


def test_other_errors_are_told_at_once() -> None:
    client = Client({}, whole=[403])
    with pytest.raises(EngineError, match="status 403: full: queue"):
        send(client, "a")
    assert len(client.sent) == 1


def test_large_batches_are_sent_in_pieces() -> None:
    client = Client({})
    operations = [Operation(("ns", str(at)), str(at), {"text": "x" * 2**20}) for at in range(6)]
    assert write(cast(Elasticsearch, client), "index", operations, 7) == []
    assert len(client.sent) > 1
    assert [entry for piece in client.sent for entry in piece] == list("012345")
