"""Events wait until the ledger makes them true, whoever is killed when."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publishing.events.contracts import DOCUMENT_READY, FILE_ADDED
from publishing.events.deliveries import Deliveries
from publishing.events.errors import EventError
from publishing.events.event import Event, new_event
from publishing.events.outbox import DocumentKey, Outbox
from retrieval.chunk import Document, utc_now
from tests.engines.postgres import PostgresServer

AT = datetime(2026, 1, 1, 12, 0, 0, 123456, UTC)
LATER = AT + timedelta(seconds=1)
HOOKS = ["https://a.example/", "https://b.example/"]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.integration)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def outbox(url: str) -> Iterator[Outbox]:
    opened = Outbox(url)
    yield opened
    opened.close()


def event(doc_id: str = "a", at: datetime = AT, change: str = "1") -> Event:
    payload = {"doc_id": doc_id, "namespace": "studio", "uri": "file:///a", "chunk_count": 1}
    return new_event(DOCUMENT_READY, ("studio", doc_id), at, payload, change)  # type: ignore[arg-type]


def ledger(*rows: tuple[str, datetime]) -> dict[DocumentKey, Document]:
    return {
        ("studio", doc_id): Document("studio", doc_id, "file:///a", "ready", updated_at=at)
        for doc_id, at in rows
    }


def given_out(outbox: Outbox) -> list[str]:
    """Return the ids of the events that are given out now."""
    deliveries = Deliveries(outbox)
    before = {each.event_id for each in deliveries.list()}
    deliveries.assign(HOOKS[:1], [])
    return sorted({each.event_id for each in deliveries.list()} - before)


def test_a_prepared_event_is_given_out_once_it_is_confirmed(outbox: Outbox) -> None:
    made = event()
    outbox.prepare([made])
    assert given_out(outbox) == []
    outbox.confirm([made.event_id])
    assert given_out(outbox) == [made.event_id]
    assert given_out(outbox) == []


def test_a_second_try_waits_for_its_own_moment(outbox: Outbox) -> None:
    outbox.prepare([event(at=AT)])
    outbox.prepare([event(at=LATER), event("b", LATER)])
    known = ledger(("a", LATER), ("b", AT))
    assert outbox.recover(lambda keys: {key: known[key] for key in keys}) == 1
    assert given_out(outbox) == [event().event_id]


def test_preparing_again_takes_nothing_back(outbox: Outbox) -> None:
    made = event()
    outbox.prepare([made])
    outbox.confirm([made.event_id])
    outbox.prepare([event(at=LATER)])
    assert given_out(outbox) == [made.event_id]
    outbox.prepare([made])
    assert given_out(outbox) == []


def test_old_rows_confirm_what_they_made_true(outbox: Outbox) -> None:
    outbox.prepare([event("a"), event("b"), event("c", change="2")])
    outbox.settle(ledger(("a", AT), ("b", LATER)))
    outbox.settle({})
    assert given_out(outbox) == [event("a").event_id]


def test_recovery_goes_through_all_of_many(outbox: Outbox) -> None:
    made = [event(str(number)) for number in range(1_200)]
    outbox.prepare(made)
    known = ledger(*((str(number), AT) for number in range(0, 1_200, 2)))
    found = outbox.recover(lambda keys: {key: known[key] for key in keys if key in known})
    assert found == 600
    assert outbox.recover(lambda keys: {}) == 0


def test_topics_choose_and_events_without_webhooks_are_done(outbox: Outbox) -> None:
    outbox.prepare([event()])
    outbox.confirm([event().event_id])
    deliveries = Deliveries(outbox)
    assert deliveries.assign(HOOKS, [FILE_ADDED]) == 1
    assert deliveries.list() == []
    # Named by its id, it is sent all the same.
    assert deliveries.replay(HOOKS, [event().event_id]) == 2
    assert deliveries.replay(HOOKS, ["nobody"]) == 0
    assert deliveries.counts() == {"waiting": 2, "delivered": 0, "dead": 0}


def test_a_delivery_is_claimed_by_one(outbox: Outbox, url: str) -> None:
    outbox.prepare([event(), event("b")])
    outbox.confirm([event().event_id, event("b").event_id])
    other = Outbox(url)
    first, second = Deliveries(outbox), Deliveries(other)
    first.assign(HOOKS, [])
    mine = first.claim(60, limit=3)
    rest = second.claim(60)
    other.close()
    assert len(mine) == 3
    assert len(rest) == 1
    assert first.claim(60) == []


def test_a_claim_ends_with_its_time(outbox: Outbox) -> None:
    outbox.prepare([event()])
    outbox.confirm([event().event_id])
    deliveries = Deliveries(outbox)
    deliveries.assign(HOOKS[:1], [])
    assert len(deliveries.claim(0.0)) == 1
    assert len(deliveries.claim(60)) == 1


def test_dead_letters_are_listed_and_replayed(outbox: Outbox) -> None:
    outbox.prepare([event(), event("b")])
    outbox.confirm([event().event_id, event("b").event_id])
    deliveries = Deliveries(outbox)
    deliveries.assign(HOOKS[:1], [])
    dead, done = deliveries.claim(60)
    deliveries.failed(dead, "nobody there", None)
    deliveries.delivered(done)
    (listed,) = deliveries.list("dead")
    assert (listed.event_id, listed.error, listed.attempts) == (dead.event_id, "nobody there", 1)
    assert len(deliveries.list(topic=DOCUMENT_READY)) == 2
    assert deliveries.list(topic=FILE_ADDED) == []
    assert deliveries.replay(HOOKS, state="dead") == 1
    assert [each.event_id for each in deliveries.claim(60)] == [dead.event_id]
    assert deliveries.replay(HOOKS, since=utc_now() + timedelta(hours=1)) == 0
    assert deliveries.replay(HOOKS, since=utc_now() - timedelta(hours=1)) == 2


def test_old_events_go_but_dead_and_waiting_ones_stay(outbox: Outbox) -> None:
    names = ["never", "ready", "done", "dead", "waiting"]
    made = {name: event(name) for name in names}
    outbox.prepare(list(made.values()))
    deliveries = Deliveries(outbox)
    outbox.confirm([made[name].event_id for name in ("done", "dead", "waiting")])
    deliveries.assign(HOOKS[:1], [])
    outbox.confirm([made["ready"].event_id])
    for each in deliveries.claim(60):
        if each.doc_id == "done":
            deliveries.delivered(each)
        elif each.doc_id == "dead":
            deliveries.failed(each, "no", None)
    assert outbox.purge(utc_now() - timedelta(hours=1)) == 0
    assert outbox.purge(utc_now() + timedelta(hours=1)) == 2
    assert {each.doc_id for each in deliveries.list()} == {"dead", "waiting"}
    assert given_out(outbox) == [made["ready"].event_id]


def test_a_database_that_fails_says_so(tmp_path: Path) -> None:
    outbox = Outbox(f"sqlite:///{tmp_path / 'state.db'}")
    with outbox.transaction() as connection:
        connection.exec_driver_sql("DROP TABLE events")
    with pytest.raises(EventError, match="outbox"):
        outbox.prepare([event()])
    outbox.close()
