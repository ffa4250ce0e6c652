"""API keys in the state database."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from retrieval.chunk import utc_now
from retrieval.errors import InvalidInputError
from retrieval.state.keys import GRANTS, KeyRequest, KeyStore, Role, split_token


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[KeyStore]:
    """An empty store."""
    made = KeyStore(f"sqlite:///{tmp_path / 'state.db'}")
    yield made
    made.close()


def test_a_key_is_kept_as_asked_for(keys: KeyStore) -> None:
    wanted = KeyRequest(
        role="ingest",
        name="scanner",
        namespaces=("lab", "studio"),
        rate_limit=60,
        expires_at=utc_now() + timedelta(days=1),
    )
    made, _ = keys.create(wanted)
    assert keys.all() == [made]
    assert KeyRequest(**made.model_dump(include=set(KeyRequest.model_fields))) == wanted


def test_a_token_is_known_again_and_no_other_is(keys: KeyStore) -> None:
    made, token = keys.create(KeyRequest(role="read"))
    _, other = keys.create(KeyRequest(role="read"))
    parts, others = split_token(token), split_token(other)
    assert parts is not None
    assert others is not None
    assert parts[0] == made.key_id
    credential = keys.credentials()[0]
    assert credential.fits(parts[1])
    assert not credential.fits(others[1])
    assert not credential.fits("")


@pytest.mark.parametrize("text", ["", "pmk_", "pmk_1_2", "PMK" + "_" + "0" * 16 + "_" + "0" * 64])
def test_other_texts_are_no_tokens(text: str) -> None:
    assert split_token(text) is None


def test_the_database_holds_no_secret(keys: KeyStore, tmp_path: Path) -> None:
    _, token = keys.create(KeyRequest(role="admin"))
    keys.close()
    parts = split_token(token)
    assert parts is not None
    with sqlite3.connect(tmp_path / "state.db") as connection:
        stored = "\n".join(connection.iterdump())
    connection.close()
    assert parts[0] in stored
    assert parts[1] not in stored


def test_a_key_that_is_for_all_namespaces_is_told_from_one_for_some(keys: KeyStore) -> None:
    everything, _ = keys.create(KeyRequest(role="read"))
    some, _ = keys.create(KeyRequest(role="read", namespaces=("lab",)))
    assert (everything.sees("lab"), everything.sees("vault")) == (True, True)
    assert (some.sees("lab"), some.sees("vault"), some.sees("Lab")) == (True, False, False)
    assert [key.namespaces for key in keys.all()] == [None, ("lab",)]


def test_a_list_of_no_namespaces_is_refused() -> None:
    with pytest.raises(ValidationError):
        KeyRequest(role="read", namespaces=())


@pytest.mark.parametrize("role", GRANTS)
def test_what_each_role_may_do(keys: KeyStore, role: Role) -> None:
    may = {
        "read": {"read"},
        "ingest": {"read", "ingest"},
        "publish": {"read", "publish"},
        "admin": {"read", "ingest", "publish", "admin"},
    }
    key, _ = keys.create(KeyRequest(role=role))
    assert {other for other in GRANTS if key.may(other)} == may[role]


def test_keys_end(keys: KeyStore) -> None:
    assert not keys.usable()
    now = utc_now()
    key, _ = keys.create(KeyRequest(role="read", expires_at=now + timedelta(hours=1)))
    assert keys.usable()
    assert key.state(now) == "active"
    assert key.state(now + timedelta(hours=1)) == "expired"
    revoked = keys.revoke(key.key_id)
    assert revoked.state(now) == "revoked"
    assert not keys.usable()
    assert keys.revoke(key.key_id) == revoked
    assert keys.all() == [revoked]


def test_keys_that_make_no_sense_are_refused(keys: KeyStore) -> None:
    with pytest.raises(InvalidInputError, match="in the past"):
        keys.create(KeyRequest(role="read", expires_at=utc_now()))
    with pytest.raises(InvalidInputError, match="no key 'nobody'"):
        keys.revoke("nobody")
    assert keys.all() == []
