"""What is known of the mesh of one home, in `<home>/run/mesh.json`."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from cluster.errors import MeshError
from serve_apps.loopback import is_loopback


class MeshState(BaseModel):
    """One bring-up: what was started, where it listens, and how it is found again.

    It is written before anything starts, so that `pmoves down` can end what a
    crash left behind.
    """

    mesh_id: str
    phase: Literal["starting", "running"] = "starting"
    home: str
    host: str
    http_port: int
    ports: dict[str, int]
    temp_dir: str
    auth_mode: Literal["token", "disabled"]
    token_path: str | None
    head_log: str
    head_pid: int | None = None
    head_created: float | None = None
    started_at: datetime

    @property
    def url(self) -> str:
        """Base URL of the gateway for programs on this machine."""
        return f"http://{_authority(self.serve_host)}:{self.http_port}"

    @property
    def serve_host(self) -> str:
        """Where Serve listens: always on loopback, since HAProxy alone faces others."""
        return self.host if is_loopback(self.host) else "127.0.0.1"

    @property
    def outside(self) -> str | None:
        """`host:port` for other machines, or None where they are not served."""
        return None if is_loopback(self.host) else f"{self.host}:{self.http_port}"

    @property
    def dashboard_url(self) -> str:
        """Base URL of Ray's dashboard, which takes jobs too."""
        return f"http://127.0.0.1:{self.ports['dashboard']}"

    @property
    def ray_address(self) -> str:
        """Address of Ray's control service."""
        return f"127.0.0.1:{self.ports['gcs']}"

    @property
    def token(self) -> str | None:
        """Ray's token, where Ray asks for one."""
        return Path(self.token_path).read_text().strip() if self.token_path else None


def _authority(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def state_path(run_dir: Path) -> Path:
    """Where the state of the mesh lies."""
    return run_dir / "mesh.json"


def read_state(run_dir: Path) -> MeshState | None:
    """Return the state, or None where no mesh was started; damage raises `MeshError`."""
    path = state_path(run_dir)
    try:
        return MeshState.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise MeshError(
            f"{path} is damaged; `pmoves down` ends what runs for this home and removes it."
        ) from error


def write_state(run_dir: Path, state: MeshState) -> None:
    """Replace the state in one step, readable by its owner only."""
    run_dir.mkdir(parents=True, exist_ok=True)
    path = state_path(run_dir)
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(state.model_dump_json(indent=2))
    fresh.replace(path)


@contextlib.contextmanager
def exclusive(run_dir: Path) -> Iterator[None]:
    """Hold the home for one bring-up or take-down; raise `MeshError` where another does."""
    run_dir.mkdir(parents=True, exist_ok=True)
    with (run_dir / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise MeshError(
                f"another `pmoves up` or `pmoves down` works on {run_dir.parent}; wait for it."
            ) from error
        yield
