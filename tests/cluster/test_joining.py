"""The applications join a Ray that somebody else has started, and leave it as it was."""

import io
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from cluster.errors import MeshError, NotReadyError
from cluster.mesh.dashboard import Dashboard, environment_token
from cluster.mesh.joined import joined_path, read_joined
from cluster.mesh.joining import dashboard_of
from cluster.mesh.lifecycle import ensure_down, ensure_joined, ensure_up
from cluster.mesh.state import MeshState
from cluster.settings import Settings
from retrieval.errors import InvalidInputError
from tests.cluster.meshes import free_port

APP = "eval.bench.noop_app:build"
CONSOLE = Console(file=io.StringIO())


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ftp://somewhere", "name the dashboard"),
        ("http://", "name the dashboard"),
        ("localhost", "no Ray answers"),
        ("localhost:99999999", "no Ray answers"),
        ("127.0.0.1:1", "no Ray answers"),
    ],
)
def test_what_is_no_ray_is_named(address: str, said: str) -> None:
    with pytest.raises(MeshError, match=said):
        dashboard_of(address)


def test_a_dashboard_that_does_not_answer_is_named(home: Path) -> None:
    with pytest.raises(MeshError, match="does not answer"):
        ensure_joined(Settings(), {}, "http://127.0.0.1:1", CONSOLE)
    assert read_joined(Settings().run_dir) is None


def test_a_damaged_note_says_what_to_do(home: Path) -> None:
    run_dir = Settings().run_dir
    run_dir.mkdir(parents=True)
    joined_path(run_dir).write_text("{")
    with pytest.raises(MeshError, match="is damaged; remove it"):
        ensure_up(Settings(), {}, CONSOLE, APP)


def test_a_serve_that_others_reach_asks_for_keys(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"http_options": {"host": "0.0.0.0", "port": 9}, "applications": []}
    monkeypatch.setattr(Dashboard, "deployed", lambda _self: there)
    with pytest.raises(InvalidInputError, match="there are no API keys"):
        ensure_joined(Settings(), {}, "http://127.0.0.1:1", CONSOLE)
    assert read_joined(Settings().run_dir) is None


def test_the_token_is_the_one_that_rays_tools_take(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    assert environment_token() is None
    (home / ".ray").mkdir(parents=True)
    (home / ".ray" / "auth_token").write_text("of the user\n")
    assert environment_token() == "of the user"
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "none"))
    with pytest.raises(MeshError, match="RAY_AUTH_TOKEN_PATH names"):
        environment_token()
    monkeypatch.setenv("RAY_AUTH_TOKEN", "given")
    assert environment_token() == "given"


@pytest.mark.integration
@pytest.mark.soak
@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(600)
# The head lives on when the handle on its process is gone.
@pytest.mark.filterwarnings("ignore:subprocess [0-9]+ is still running:ResourceWarning")
def test_the_applications_join_and_leave(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guest, host = Settings(), Settings(home=home.parent / "host")
    guest.ray.ready_s = host.ray.ready_s = 240
    host.http.port, host.ray.dashboard_port = free_port(), free_port()
    try:
        state, _ = ensure_up(host, {}, CONSOLE, APP)
        assert state.token_path
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", state.token_path)
        rename(state)
        with pytest.raises(NotReadyError, match="could not be deployed"):
            ensure_joined(guest, {}, state.dashboard_url, CONSOLE, "nobody.made:this")
        assert (applications(state), read_joined(guest.run_dir)) == ({"other"}, None)
        # Serve runs already, so the port is its own, and not the guest's.
        joined = ensure_joined(guest, {}, state.dashboard_url, CONSOLE, APP)
        assert joined.url == state.url
        assert applications(state) == {"other", "pmoves"}
        assert httpx.get(f"{joined.url}/", timeout=30).status_code == httpx.codes.OK
        with pytest.raises(MeshError, match="`pmoves down` takes them from there"):
            ensure_up(guest, {}, CONSOLE, APP)
        ensure_down(guest)
        assert (applications(state), read_joined(guest.run_dir)) == ({"other"}, None)
    finally:
        ensure_down(host)


def rename(state: MeshState) -> None:
    """Let the application of `state` be one of somebody else, at another path."""
    other = {"name": "other", "route_prefix": "/other", "import_path": APP}
    with Dashboard(state) as dashboard:
        dashboard.deploy({**dashboard.deployed(), "applications": [other]}, 60)


def applications(state: MeshState) -> set[str]:
    """Return the names of the applications that Serve is to run."""
    with Dashboard(state) as dashboard:
        return {str(one["name"]) for one in dashboard.deployed()["applications"]}
