"""`up` and `down` as the command line and the demo use them."""

import contextlib
import signal
import time
from collections.abc import Iterator, Mapping
from types import FrameType

from rich.console import Console

from cluster.access.choose import running_mesh
from cluster.errors import MeshError
from cluster.mesh.bringup import APP_IMPORT, bring_back, bring_up
from cluster.mesh.draining import drain
from cluster.mesh.environment import haproxy_folder
from cluster.mesh.joined import JoinedRay, read_joined
from cluster.mesh.joining import join, leave
from cluster.mesh.processes import Ended, is_running
from cluster.mesh.state import MeshState, exclusive, read_state
from cluster.mesh.teardown import take_down
from cluster.settings import Settings

_LOOK_EVERY_S = 0.5
_LOOKS = 60
_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def ensure_up(
    settings: Settings,
    given: Mapping[str, str],
    console: Console,
    import_path: str = APP_IMPORT,
) -> tuple[MeshState, bool]:
    """Return the mesh of this home and whether it had to be started.

    What a crashed mesh left behind is ended first. One whose head kept its tables in Redis
    is brought back as it was.
    """
    with exclusive(settings.run_dir):
        if joined := read_joined(settings.run_dir):
            raise joined.refusal()
        running = running_mesh(settings)
        if running:
            return running, False
        known = _known_state(settings)
        if known and known.phase == "running" and settings.ray.redis_address:
            console.print("the head has ended; what it knew is in Redis, so it is started anew")
            return bring_back(settings, known, given, console, import_path), True
        left = take_down(settings, known)
        if left.total:
            console.print(f"ended {left.total} processes that an earlier mesh left behind")
        return bring_up(settings, given, console, import_path), True


def ensure_joined(
    settings: Settings,
    given: Mapping[str, str],
    address: str,
    console: Console,
    import_path: str = APP_IMPORT,
) -> JoinedRay:
    """Bring the applications of this home to the Ray at `address`, or anew if they are there."""
    with exclusive(settings.run_dir):
        if running_mesh(settings):
            raise MeshError(
                f"a mesh of its own runs for {settings.home.absolute()}; `pmoves down` ends it."
            )
        return join(settings, given, address, console, import_path)


def ensure_down(settings: Settings) -> Ended:
    """End the mesh of this home, whatever is left of it; first answer whoever has asked.

    From a Ray that was joined only the applications are taken.
    """
    with exclusive(settings.run_dir):
        if joined := read_joined(settings.run_dir):
            leave(settings, joined)
        state = _known_state(settings)
        if state is not None:
            drain(state, haproxy_folder(state), settings.serve.drain_s)
        return take_down(settings, state)


def hold(settings: Settings, state: MeshState) -> None:
    """Wait until the mesh is taken down; `MeshError` if its head ends by itself."""
    while is_running(state.head_pid, state.head_created):
        time.sleep(_LOOK_EVERY_S)
    if not _taken_down(settings):
        raise MeshError(f"Ray's head has ended; its log is {state.head_log}.")


def hold_joined(settings: Settings) -> None:
    """Wait until the applications are taken from the Ray that was joined."""
    while read_joined(settings.run_dir):
        time.sleep(_LOOK_EVERY_S)


def _taken_down(settings: Settings) -> bool:
    for _ in range(_LOOKS):
        with contextlib.suppress(MeshError), exclusive(settings.run_dir):
            return _known_state(settings) is None
        time.sleep(_LOOK_EVERY_S)
    return False


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Treat requests to end this process like Ctrl-C, so that clean-up runs."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _known_state(settings: Settings) -> MeshState | None:
    try:
        return read_state(settings.run_dir)
    except MeshError:
        # Damaged: the processes are found by their home.
        return None
