"""Starting an engine as a process, and ending it by its id."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import MeshError

_TERM_SECONDS = 20.0
_LINES = 15


@dataclass(frozen=True, slots=True)
class Running:
    """An engine that answers at `url`."""

    url: str
    process: subprocess.Popen[bytes]


@contextmanager
def running(
    command: Sequence[str],
    ready: Callable[[], bool],
    folder: Path,
    *,
    env: dict[str, str] | None = None,
    seconds: float = 90.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` in `folder` until the block ends, which begins once `ready()` is true.

    Its output goes to `engine.log` there. Raises `MeshError` with the log's end when it
    stops before, or is not ready after `seconds`; an error in `ready` means "not yet".
    """
    log = folder / "engine.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            list(command), cwd=folder, stdout=out, stderr=out, env=os.environ | (env or {})
        )
    try:
        _wait(process, ready, log, time.monotonic() + seconds)
        yield process
    finally:
        _end(process)


def _wait(
    process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path, deadline: float
) -> None:
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(Exception):
            if ready():
                return
        time.sleep(0.1)
    state = "is not ready in time" if process.poll() is None else f"ended with {process.returncode}"
    lines = log.read_text(errors="replace").splitlines()[-_LINES:]
    raise MeshError("\n".join([f"{process.args!r} {state}; its last lines:", *lines]))


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    # One that is frozen does not end.
    process.send_signal(signal.SIGCONT)
    try:
        process.wait(_TERM_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
