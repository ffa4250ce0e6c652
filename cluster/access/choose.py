"""Chooses how the command line reaches a corpus."""

from typing import TYPE_CHECKING

from cluster.mesh.joined import read_joined
from cluster.mesh.processes import is_running
from cluster.mesh.state import MeshState, read_state

if TYPE_CHECKING:
    from cluster.access.base import Access
    from cluster.settings import Settings


def choose_access(settings: "Settings", url: str | None = None) -> "Access":
    """Return access by `url`, else to the mesh of this home if one runs, else in process."""
    address = url or settings.url or joined_url(settings)
    if not address and (state := running_mesh(settings)):
        address = state.url
    if address:
        from cluster.access.http import HttpAccess

        return HttpAccess(address, settings.api_key.get_secret_value())
    from cluster.access.direct import DirectAccess

    return DirectAccess(settings)


def joined_url(settings: "Settings") -> str | None:
    """Return where the applications of this home answer on a Ray that was joined."""
    joined = read_joined(settings.run_dir)
    return joined.url if joined else None


def running_mesh(settings: "Settings") -> MeshState | None:
    """Return the mesh of this home if it is up."""
    state = read_state(settings.run_dir)
    if state is None or state.phase != "running":
        return None
    return state if is_running(state.head_pid, state.head_created) else None
