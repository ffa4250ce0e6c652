"""Webhooks get every event, signed, at least once, with the same id each time."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from publishing.events.contracts import CONTRACTS
from publishing.events.deliveries import Deliveries
from publishing.events.outbox import Outbox
from publishing.events.relay import Relay
from publishing.events.settings import EventSettings
from retrieval.fetching.settings import FetchSettings
from tests.publishing.events.receiver import SECRET, Receiver, receive
from tests.publishing.events.test_outbox import event

OWN = FetchSettings(private_hosts=["127.0.0.1"])


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(f"sqlite:///{tmp_path / 'state.db'}")
    opened.prepare([event("a"), event("b")])
    opened.confirm([event("a").event_id, event("b").event_id])
    yield opened
    opened.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receive() as listening:
        yield listening


def relay(outbox: Outbox, *urls: str, fetch: FetchSettings = OWN, **settings: Any) -> Relay:
    values = {"webhooks": urls, "secret": SECRET, "first_pause_s": 0.01, "longest_pause_s": 0.01}
    return Relay(outbox, EventSettings.model_validate(values | settings), fetch)


def rounds(relaying: Relay, outbox: Outbox) -> None:
    """Run until nothing waits any more."""
    for _ in range(200):
        relaying.run(lambda keys: {})
        if not Deliveries(outbox).counts()["waiting"]:
            return
        time.sleep(0.01)
    raise AssertionError("deliveries wait for good")


def test_events_arrive_signed_and_whole(outbox: Outbox, receiver: Receiver) -> None:
    done = relay(outbox, receiver.url).run(lambda keys: {})
    assert (done.delivered, done.failed) == (2, 0)
    assert {each["id"] for each in receiver.taken} == {event("a").event_id, event("b").event_id}
    assert all(CONTRACTS.fault(each) is None for each in receiver.taken)
    assert relay(outbox, receiver.url).run(lambda keys: {}).delivered == 0


def test_trouble_is_tried_again_with_the_same_id(outbox: Outbox, receiver: Receiver) -> None:
    receiver.statuses = [500, 503, 302, 429]
    rounds(relay(outbox, receiver.url), outbox)
    assert receiver.tries == 6
    assert sorted(receiver.ids) == sorted(each["id"] for each in receiver.taken)
    assert len(set(receiver.ids)) == 2


def test_what_fails_for_good_is_a_dead_letter_until_it_is_replayed(
    outbox: Outbox, receiver: Receiver
) -> None:
    receiver.statuses = [500] * 6
    relaying = relay(outbox, receiver.url, attempts=3)
    rounds(relaying, outbox)
    dead = Deliveries(outbox).list("dead")
    assert [each.attempts for each in dead] == [3, 3]
    assert {each.error for each in dead} == {"answered with status 500"}
    Deliveries(outbox).replay([receiver.url], state="dead")
    rounds(relaying, outbox)
    assert len(set(receiver.ids)) == 2
    assert Deliveries(outbox).counts() == {"waiting": 0, "delivered": 2, "dead": 0}


def test_a_webhook_that_is_gone_is_not_tried_again(outbox: Outbox, receiver: Receiver) -> None:
    receiver.statuses = [410, 410]
    rounds(relay(outbox, receiver.url), outbox)
    assert receiver.tries == 2
    assert len(Deliveries(outbox).list("dead")) == 2


def test_a_private_webhook_is_refused_unless_it_is_named(
    outbox: Outbox, receiver: Receiver
) -> None:
    rounds(relay(outbox, receiver.url, fetch=FetchSettings(), attempts=1), outbox)
    assert receiver.tries == 0
    assert "not a public address" in (Deliveries(outbox).list("dead")[0].error or "")


def test_one_dead_webhook_does_not_hold_up_another(outbox: Outbox, receiver: Receiver) -> None:
    gone = "http://127.0.0.1:9/"
    rounds(relay(outbox, gone, receiver.url, attempts=2), outbox)
    assert len(receiver.taken) == 2
    assert {each.url for each in Deliveries(outbox).list("dead")} == {gone}


def test_killed_after_a_delivery_it_comes_again_under_its_id(
    outbox: Outbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    relaying = relay(outbox, receiver.url, timeout_s=0.1)

    def killed(_delivery: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(relaying.deliveries, "delivered", killed)
        with pytest.raises(KeyboardInterrupt):
            relaying.run(lambda keys: {})
    first = list(receiver.ids)
    assert len(first) == 2
    rounds(relaying, outbox)
    assert sorted(receiver.ids[2:]) == sorted(first)


def test_a_url_that_is_no_longer_wanted_gets_nothing(outbox: Outbox, receiver: Receiver) -> None:
    Deliveries(outbox).assign([receiver.url], [])
    rounds(relay(outbox), outbox)
    assert receiver.tries == 0
    assert "no longer" in (Deliveries(outbox).list("dead")[0].error or "")
