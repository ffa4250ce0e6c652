"""What the gateway knows of the keys, and for how long it believes it."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from retrieval.chunk import utc_now
from retrieval.state.keys import KeyRequest, KeyStore
from serve_apps import problems
from serve_apps.api import create_app
from serve_apps.keyring import KeyRing
from serve_apps.problems import ProblemError
from serve_apps.services import Services
from tests.serve_apps.support import bearer, client_of, make_key, problem


class Time:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = utc_now()
        self.ticks = 100.0

    def pass_by(self, seconds: float) -> None:
        """Go on."""
        self.now += timedelta(seconds=seconds)
        self.ticks += seconds

    def moment(self) -> datetime:
        """Return the time of day."""
        return self.now

    def clock(self) -> float:
        """Return the seconds gone."""
        return self.ticks


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    """An empty store."""
    made = KeyStore(f"sqlite:///{tmp_path / 'state.db'}")
    yield made
    made.close()


@pytest.fixture
def time() -> Time:
    """The time of a test."""
    return Time()


def ring_of(store: KeyStore, time: Time, required: bool = False) -> KeyRing:
    return KeyRing(store, required, time.moment, time.clock)


async def refused(ring: KeyRing, *authorization: str) -> ProblemError:
    """Check that `authorization` is refused; return how."""
    with pytest.raises(ProblemError) as caught:
        await ring.authenticate(authorization)
    return caught.value


async def test_a_known_key_costs_no_look_into_the_database(
    store: KeyStore, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, token = store.create(KeyRequest(role="read"))
    ring = ring_of(store, time)
    time.pass_by(10)

    def look() -> None:
        raise AssertionError("looked into the database")

    monkeypatch.setattr(store, "credentials", look)
    assert await ring.authenticate([f"Bearer {token}"]) == key
    assert await ring.authenticate([f"bearer  {token} "]) == key


async def test_a_new_key_counts_at_once_and_guesses_cost_little(
    store: KeyStore, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = ring_of(store, time)
    key, token = store.create(KeyRequest(role="read"))
    assert (await refused(ring, f"Bearer {token}")).kind is problems.UNAUTHENTICATED
    time.pass_by(1)
    assert await ring.authenticate([f"Bearer {token}"]) == key
    looks: list[int] = []
    monkeypatch.setattr(ring, "load", lambda: looks.append(1))
    time.pass_by(1)
    for digit in "0123456789abcdef":
        await refused(ring, f"Bearer pmk_{digit * 16}_{digit * 64}")
    assert len(looks) == 1


async def test_a_revoked_key_ends_with_the_next_load(store: KeyStore, time: Time) -> None:
    key, token = store.create(KeyRequest(role="read"))
    ring = ring_of(store, time)
    store.revoke(key.key_id)
    assert await ring.authenticate([f"Bearer {token}"]) == key
    ring.load()
    told = await refused(ring, f"Bearer {token}")
    assert (told.kind, "revoked" in told.detail) == (problems.UNAUTHENTICATED, True)


async def test_a_key_ends_when_its_time_is_over(store: KeyStore, time: Time) -> None:
    ends = time.now + timedelta(seconds=30)
    _, token = store.create(KeyRequest(role="read", expires_at=ends))
    ring = ring_of(store, time)
    await ring.authenticate([f"Bearer {token}"])
    time.pass_by(30)
    assert "expired" in (await refused(ring, f"Bearer {token}")).detail


async def test_only_who_has_the_secret_learns_what_became_of_a_key(
    store: KeyStore, time: Time
) -> None:
    key, token = store.create(KeyRequest(role="read"))
    store.revoke(key.key_id)
    ring = ring_of(store, time)
    guessed = await refused(ring, f"Bearer {token[:-1]}{'0' if token[-1] != '0' else '1'}")
    unknown = await refused(ring, f"Bearer pmk_{'0' * 16}_{'0' * 64}")
    assert guessed.detail == unknown.detail


async def test_keys_that_cannot_be_read_are_not_believed_for_ever(
    store: KeyStore, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, token = store.create(KeyRequest(role="read"))
    ring = ring_of(store, time)

    def fail() -> None:
        raise OperationalError("SELECT", {}, OSError("gone"))

    monkeypatch.setattr(store, "credentials", fail)
    time.pass_by(59)
    await ring.authenticate([f"Bearer {token}"])
    unknown = await refused(ring, f"Bearer pmk_{'0' * 16}_{'0' * 64}")
    time.pass_by(2)
    known = await refused(ring, f"Bearer {token}")
    assert (unknown.kind, known.kind) == (problems.UNAVAILABLE, problems.UNAVAILABLE)
    assert known.headers["Retry-After"]


@pytest.mark.parametrize("given", [[], ["Bearer a", "Bearer b"], ["Basic x"], [""], ["Bearer"]])
async def test_other_headers_are_refused(store: KeyStore, time: Time, given: list[str]) -> None:
    ring = ring_of(store, time)
    assert (await refused(ring, *given)).kind is problems.UNAUTHENTICATED


def test_the_end_of_the_last_key_opens_nothing(store: KeyStore, time: Time) -> None:
    ring = ring_of(store, time)
    assert not ring.closed
    assert ring_of(store, time, required=True).closed
    key, _ = store.create(KeyRequest(role="read"))
    store.revoke(key.key_id)
    ring.load()
    assert ring.closed


async def test_a_running_gateway_closes_with_the_first_key_and_refuses_a_revoked_one(
    services: Services,
) -> None:
    async with client_of(create_app(services)) as client:
        assert (await client.get("/namespaces")).status_code == 200
        key = make_key(services, "read")
        services.keyring.load()
        problem(await client.get("/namespaces"), problems.UNAUTHENTICATED)
        assert (await client.get("/namespaces", headers=bearer(key))).status_code == 200
        store = KeyStore(services.settings.state_url)
        store.revoke(key.split("_")[1])
        store.close()
        services.keyring.load()
        problem(await client.get("/namespaces", headers=bearer(key)), problems.UNAUTHENTICATED)
        exposed = (await client.get("/metrics")).text
    assert 'pmoves_http_refused_total{reason="unauthenticated"} 2.0' in exposed


async def test_other_host_names_are_served_to_who_has_a_key(services: Services) -> None:
    key = make_key(services, "read")
    host = {"Host": "search.example.org"}
    async with client_of(create_app(services)) as client:
        assert (await client.get("/namespaces", headers=bearer(key) | host)).status_code == 200
        assert (await client.get("/healthz", headers=host)).status_code == 200
        problem(await client.get("/metrics", headers=host), problems.HOST_NOT_ALLOWED)
        origin = bearer(key) | {"Origin": "https://app.example.org"}
        answer = await client.post("/hirag/query", json={"query": "x"}, headers=origin)
        assert answer.status_code == 200


async def test_an_exposed_gateway_is_closed_without_any_key(services: Services) -> None:
    services.settings.http.host = "0.0.0.0"
    async with client_of(create_app(services)) as client:
        problem(await client.get("/namespaces"), problems.UNAUTHENTICATED)
        assert (await client.get("/healthz")).status_code == 200


async def test_the_gateway_reads_the_keys_again_by_itself(services: Services) -> None:
    services.settings.keys.refresh_s = 0.1
    key = make_key(services, "read")
    store = KeyStore(services.settings.state_url)
    async with client_of(create_app(services)) as client, asyncio.timeout(60):
        assert (await client.get("/namespaces", headers=bearer(key))).status_code == 200
        store.revoke(key.split("_")[1])
        while (await client.get("/namespaces", headers=bearer(key))).status_code == 200:
            await asyncio.sleep(0.05)
        answer = await client.get("/namespaces", headers=bearer(key))
        assert "revoked" in problem(answer, problems.UNAUTHENTICATED)["detail"]
    store.close()
