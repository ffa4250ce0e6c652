"""`pmoves keys`, and the command line against a mesh that asks for a key."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from cluster.cli.app import app
from cluster.cli.moments import moment
from cluster.errors import UsageError
from cluster.mesh.bringup import bring_up
from cluster.settings import Settings
from retrieval.errors import InvalidInputError


def pmoves(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def answer(*arguments: str) -> dict[str, Any]:
    result = pmoves(*arguments, "--json")
    assert result.exit_code == 0, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def test_a_key_is_shown_once(home: Path) -> None:
    result = pmoves("keys", "create", "--role", "read", "-n", "lab", "-n", "studio", "--rate", "9")
    token = result.stdout.strip()
    assert token.startswith("pmk_")
    assert token.count("\n") == 0
    (listed,) = answer("keys", "list")["keys"]
    assert (listed["role"], listed["namespaces"], listed["rate_limit"]) == (
        "read",
        ["lab", "studio"],
        9,
    )
    assert listed["key_id"] in token
    assert token not in pmoves("keys", "list", "--json").stdout
    assert "digest" not in listed


def test_keys_are_listed_and_revoked(home: Path) -> None:
    made = answer("keys", "create", "--role", "admin", "--name", "mine", "--expires", "30d")
    assert made["key"].startswith(f"pmk_{made['key_id']}_")
    assert (made["name"], made["namespaces"], made["state"]) == ("mine", None, "active")
    assert answer("keys", "revoke", made["key_id"])["state"] == "revoked"
    header, row = pmoves("keys", "list").stdout.splitlines()
    assert header.split("\t")[:4] == ["KEY_ID", "NAME", "ROLE", "NAMESPACES"]
    assert row.split("\t")[:6] == [made["key_id"], "mine", "admin", "all", "", "revoked"]
    again = pmoves("keys", "revoke", "nobody")
    assert again.exit_code == 1
    assert "no key 'nobody'" in again.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--role", "root"),
        ("--role", "read", "--rate", "0"),
        ("--role", "read", "-n", "a b"),
        ("--role", "read", "--expires", "soon"),
    ],
)
def test_what_makes_no_key_is_refused(home: Path, arguments: tuple[str, ...]) -> None:
    assert pmoves("keys", "create", *arguments).exit_code == 2
    assert answer("keys", "list")["keys"] == []


def test_moments() -> None:
    now = datetime.now(UTC)
    assert timedelta(hours=11, minutes=59) < moment("12h") - now < timedelta(hours=12, minutes=1)
    assert timedelta(days=13) < moment("2w") - now < timedelta(days=15)
    assert moment("2027-01-31") == datetime(2027, 1, 31, tzinfo=UTC)
    assert moment("2027-01-31T12:00:00+02:00") == datetime(2027, 1, 31, 10, tzinfo=UTC)
    with pytest.raises(UsageError, match="30d"):
        moment("30 days")


@pytest.fixture
def keyed(home: Path, request: pytest.FixtureRequest) -> tuple[str, str]:
    """A gateway that asks for a key, and one of its keys."""
    token: str = answer("keys", "create", "--role", "admin")["key"]
    url: str = request.getfixturevalue("gateway")
    return url, token


@pytest.mark.usefixtures("packaged_embedder")
def test_every_command_shows_its_key(
    keyed: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url, token = keyed
    note = tmp_path / "note.md"
    note.write_text("# Note")
    commands = (
        ("search", "tea"),
        ("documents", "list"),
        ("documents", "show", "tea"),
        ("jobs", "list"),
        ("namespaces",),
    )
    for command in (*commands, ("ingest", str(note))):
        refused = pmoves(*command, "--url", url)
        assert refused.exit_code == 1
        assert "401" in refused.stderr
        assert "PMOVES_API_KEY" in refused.stderr
    # Whether it is ready, the mesh tells everybody.
    assert "401" in pmoves("status", "--url", url).stdout
    monkeypatch.setenv("PMOVES_API_KEY", token)
    for command in (*commands, ("status",)):
        granted = pmoves(*command, "--url", url)
        assert granted.exit_code == 0, granted.output
        assert "401" not in granted.stdout


def test_no_mesh_is_brought_up_for_others_without_a_key(home: Path) -> None:
    settings = Settings(http={"host": "0.0.0.0"})
    with pytest.raises(InvalidInputError, match=r"'0\.0\.0\.0'.*pmoves keys create"):
        bring_up(settings, {}, Console())
    assert not (settings.run_dir / "mesh.json").exists()
