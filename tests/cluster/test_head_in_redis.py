"""Ray's control service with its tables in a real Redis: killed, and back as the same mesh."""

import contextlib
import io
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from rich.console import Console

from cluster.doctor.stores import check_stores
from cluster.errors import NotReadyError
from cluster.mesh import bringup
from cluster.mesh.head_tables import redis_fault
from cluster.mesh.lifecycle import ensure_down, ensure_up
from cluster.mesh.state import MeshState
from cluster.settings import RaySettings, Settings
from tests.cluster.test_mesh_state import example
from tests.engines.process import any_free_port
from tests.engines.redis import redis_server

APP = "eval.bench.noop_app:build"
PASSWORD = "tests only"


@pytest.fixture
def guarded_redis(tmp_path: Path) -> Iterator[RaySettings]:
    """Settings that lead to a Redis with a password."""
    with redis_server(tmp_path, PASSWORD) as address:
        yield RaySettings.model_validate(
            {"redis_address": address, "redis_password": PASSWORD, "ready_s": 240}
        )


@pytest.mark.integration
def test_doctor_asks_the_redis(guarded_redis: RaySettings, home: Path) -> None:
    settings = Settings(ray=guarded_redis)
    found = {each.name: each for each in check_stores(settings)}
    assert found["redis"].level == "ok"
    assert re.match(r"redis \d+\.\d+", found["redis"].detail)
    wrong = guarded_redis.model_copy(update={"redis_password": RaySettings().redis_password})
    assert "NOAUTH" in str(redis_fault(wrong))
    nobody = RaySettings(redis_address=f"redis://127.0.0.1:{any_free_port()}")
    assert "does not answer" in str(redis_fault(nobody))


@pytest.mark.parametrize(("failures", "given_up"), [(0, False), (1, False), (2, True)])
def test_a_head_that_does_not_come_back_at_once_is_not_forgotten(
    home: Path, monkeypatch: pytest.MonkeyPatch, failures: int, given_up: bool
) -> None:
    tried: list[MeshState] = []
    forgotten: list[MeshState | None] = []

    def start(_settings: Settings, state: MeshState, *_others: object) -> MeshState:
        tried.append(state)
        if len(tried) <= failures:
            raise NotReadyError("the machine is busy")
        return state

    monkeypatch.setattr(bringup, "_start", start)
    monkeypatch.setattr(bringup, "take_down", lambda _settings, state: forgotten.append(state))
    known = example(home)
    with pytest.raises(NotReadyError) if given_up else contextlib.nullcontext():
        console = Console(file=io.StringIO())
        assert bringup.bring_back(Settings(), known, {}, console, APP) == known
    assert tried == [known] * (min(failures, 1) + 1)
    assert forgotten == [known] * given_up


@pytest.mark.integration
@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(900)
@pytest.mark.soak
# A head outlives the call that has started it, as it should.
@pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")
def test_a_killed_control_service_comes_back_as_the_same_mesh(
    guarded_redis: RaySettings, home: Path
) -> None:
    settings = Settings(ray=guarded_redis)
    settings.http.port = any_free_port()
    console = Console(file=io.StringIO())
    try:
        first, _ = ensure_up(settings, {}, console, APP)
        session = session_of(first)
        kill_control_service(first)
        killed = time.monotonic()
        second, started = ensure_up(settings, {}, console, APP)
        assert started
        assert (second.mesh_id, second.url, second.ray_address, second.token) == (
            first.mesh_id,
            first.url,
            first.ray_address,
            first.token,
        )
        # A control service that finds no tables begins another session.
        assert session_of(second) == session
        assert httpx.get(f"{second.url}/", timeout=30).status_code == httpx.codes.OK
        print(f"the application answers {time.monotonic() - killed:.0f} s after the head's end")
        assert first.mesh_id.encode() in keys(guarded_redis)
    finally:
        ensure_down(settings)
    assert first.mesh_id.encode() not in keys(guarded_redis)


def session_of(state: MeshState) -> Path:
    return (Path(state.temp_dir) / "ray" / "session_latest").resolve()


def kill_control_service(state: MeshState) -> None:
    """Kill it; the head ends with it, and all of this machine's part of the mesh."""
    assert state.head_pid is not None
    head = psutil.Process(state.head_pid)
    (service,) = [each for each in head.children() if "gcs_server" in each.name()]
    service.kill()
    head.wait(timeout=120)


def keys(ray: RaySettings) -> bytes:
    """Return what the Redis says when it is asked for all keys."""
    host, _, port = ray.redis_address.partition(":")
    password = ray.redis_password.get_secret_value()
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f'AUTH "{password}"\r\nKEYS *\r\nQUIT\r\n'.encode())
        return b"".join(iter(lambda: connection.recv(65_536), b""))
