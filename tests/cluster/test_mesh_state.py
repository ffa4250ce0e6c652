"""The record of a mesh, and the lock on its home."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cluster.errors import MeshError, NotReadyError
from cluster.mesh.bringup import require_dashboard
from cluster.mesh.ports import RAY_PORTS
from cluster.mesh.state import MeshState, exclusive, read_state, state_path, write_state


def example(tmp_path: Path) -> MeshState:
    return MeshState(
        mesh_id="one",
        home=str(tmp_path),
        host="127.0.0.1",
        http_port=8123,
        ports={name: 20_000 + at for at, name in enumerate(RAY_PORTS)},
        temp_dir=str(tmp_path / "t"),
        auth_mode="token",
        token_path=str(tmp_path / "token"),
        head_log=str(tmp_path / "head.log"),
        started_at=datetime.now(UTC),
    )


def test_state_survives_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    run_dir = tmp_path / "a home" / "run"
    state = example(tmp_path)
    write_state(run_dir, state)
    assert read_state(run_dir) == state
    assert stat.S_IMODE(state_path(run_dir).stat().st_mode) == 0o600
    assert state.url == "http://127.0.0.1:8123"
    assert state.ray_address == "127.0.0.1:20000"


@pytest.mark.parametrize(
    ("host", "url", "serve_host", "outside"),
    [
        ("127.0.0.1", "http://127.0.0.1:8123", "127.0.0.1", None),
        ("::1", "http://[::1]:8123", "::1", None),
        ("0.0.0.0", "http://127.0.0.1:8123", "127.0.0.1", "0.0.0.0:8123"),
        ("192.168.1.2", "http://127.0.0.1:8123", "127.0.0.1", "192.168.1.2:8123"),
        ("::", "http://127.0.0.1:8123", "127.0.0.1", ":::8123"),
    ],
)
def test_serve_stays_on_loopback(
    tmp_path: Path, host: str, url: str, serve_host: str, outside: str | None
) -> None:
    state = example(tmp_path).model_copy(update={"host": host})
    assert (state.url, state.serve_host, state.outside) == (url, serve_host, outside)


def test_no_state_is_none(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None


def test_damage_is_named(tmp_path: Path) -> None:
    state_path(tmp_path).write_text('{"mesh_id": ')
    with pytest.raises(MeshError, match=r"mesh\.json is damaged; `pmoves down`"):
        read_state(tmp_path)


def test_the_token_is_read_from_its_file(tmp_path: Path) -> None:
    state = example(tmp_path)
    (tmp_path / "token").write_text("abc\n")
    assert state.token == "abc"
    assert state.model_copy(update={"token_path": None}).token is None


def test_only_one_works_on_a_home(tmp_path: Path) -> None:
    with exclusive(tmp_path), pytest.raises(MeshError, match="another"), exclusive(tmp_path):
        pass
    with exclusive(tmp_path):
        pass


def test_a_head_without_its_dashboard_is_not_waited_for(tmp_path: Path) -> None:
    state = example(tmp_path)
    require_dashboard(state)
    log = Path(state.head_log)
    log.write_text("INFO all is well\n")
    require_dashboard(state)
    log.write_text(
        "ERROR Failed to start the dashboard \nException: port 8265 is taken\nNext steps\n"
    )
    with pytest.raises(NotReadyError, match=r"port 8265 is taken.*PMOVES_RAY__DASHBOARD_PORT"):
        require_dashboard(state)
