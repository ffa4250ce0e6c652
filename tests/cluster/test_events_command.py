"""`pmoves events` over the outbox of a home."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cluster.cli.app import app
from cluster.cli.moments import past_moment
from cluster.errors import UsageError
from publishing.events.outbox import Outbox
from publishing.events.settings import is_secret
from retrieval.chunk import utc_now
from retrieval.corpus.store import Corpus
from tests.embedders import WordEmbedder
from tests.publishing.events.receiver import SECRET, Receiver, receive
from tests.publishing.events.test_outbox import event


@pytest.fixture
def receiver(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A webhook of this home, and one event that it has yet to get."""
    outbox = Outbox(f"sqlite:///{home / 'state.db'}")
    outbox.prepare([event()])
    outbox.confirm([event().event_id])
    outbox.close()
    Corpus.open(str(home / "corpus"), WordEmbedder().identity)
    with receive() as listening:
        monkeypatch.setenv("PMOVES_EVENTS__WEBHOOKS", json.dumps([listening.url]))
        monkeypatch.setenv("PMOVES_EVENTS__SECRET", SECRET)
        monkeypatch.setenv("PMOVES_FETCH__PRIVATE_HOSTS", '["127.0.0.1"]')
        monkeypatch.setenv("PMOVES_EVENTS__ATTEMPTS", "1")
        yield listening


def events(*arguments: str) -> Any:
    result = CliRunner().invoke(app, ["events", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_dead_letters_are_listed_and_replayed(receiver: Receiver) -> None:
    receiver.statuses = [500]
    assert events("deliver") == {"delivered": 0, "failed": 1}
    (dead,) = events("list", "--state", "dead")["deliveries"]
    assert (dead["event_id"], dead["error"]) == (event().event_id, "answered with status 500")
    assert events("replay", "--state", "dead") == {"replayed": 1}
    assert events("deliver") == {"delivered": 1, "failed": 0}
    assert receiver.ids == [event().event_id]
    assert events("replay", event().event_id) == {"replayed": 1}
    assert events("replay", "--since", "1h") == {"replayed": 1}
    table = CliRunner().invoke(app, ["events", "list"])
    assert event().event_id in table.stdout


def test_replaying_everything_by_mistake_is_refused(home: Path) -> None:
    result = CliRunner().invoke(app, ["events", "replay"])
    assert result.exit_code != 0


def test_a_secret_is_one(home: Path) -> None:
    result = CliRunner().invoke(app, ["events", "secret"])
    assert is_secret(result.stdout.strip())


def test_moments_of_the_past() -> None:
    hours = (utc_now() - past_moment("12h")).total_seconds() / 3_600
    assert 11.9 < hours < 12.1
    with pytest.raises(UsageError, match="--since"):
        past_moment("soon")
