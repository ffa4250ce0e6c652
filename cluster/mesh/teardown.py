"""Ends exactly what a bring-up started, also after a crash."""

import contextlib
import shutil
from pathlib import Path

from cluster.mesh.head_tables import forget
from cluster.mesh.processes import Ended, end_mesh, meshes_of
from cluster.mesh.state import MeshState, state_path
from cluster.settings import Settings

_RUN_FILES = ("token", "mesh.new")
_PREVIOUS_LOGS = "ray-previous"


def take_down(settings: Settings, state: MeshState | None) -> Ended:
    """End the processes of `state` and of any other mesh of this home; remove their files.

    Ray's logs are kept as `<home>/logs/ray-previous`.
    """
    meshes = meshes_of(settings.home.absolute())
    if state:
        meshes[state.mesh_id] = Path(state.temp_dir)
    ended = Ended(0, 0)
    for mesh_id, temp_dir in meshes.items():
        ended += end_mesh(mesh_id, temp_dir)
        if settings.ray.redis_address:
            forget(settings.ray, mesh_id)
        _keep_logs(settings.log_dir, temp_dir)
        shutil.rmtree(temp_dir, ignore_errors=True)
    for name in _RUN_FILES:
        (settings.run_dir / name).unlink(missing_ok=True)
    state_path(settings.run_dir).unlink(missing_ok=True)
    return ended


def _keep_logs(log_dir: Path, temp_dir: Path) -> None:
    logs = (temp_dir / "ray" / "session_latest").resolve() / "logs"
    (log_dir / "ray").unlink(missing_ok=True)
    if not logs.is_dir():
        return
    kept = log_dir / _PREVIOUS_LOGS
    shutil.rmtree(kept, ignore_errors=True)
    log_dir.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        shutil.move(logs, kept)
