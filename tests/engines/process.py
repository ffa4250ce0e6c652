"""Starting the real engines that tests need, each by its own process id."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from cluster.mesh.ports import any_free_port

_TERM_SECONDS = 20.0
_LINES = 15

__all__ = ["Engine", "any_free_port", "elsewhere", "missing", "running"]


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine `name` at `url`; `process` is None where it is somebody's own."""

    name: str
    url: str
    process: subprocess.Popen[bytes] | None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its process; skips the test where it is not ours."""
        if self.process is None:
            pytest.skip(
                f"the {self.name} of PMOVES_TEST_{self.name.upper()}_URL is not ours to stop"
            )
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait()


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

    Its output goes to `engine.log` there. Raises `RuntimeError` with the log's end when
    it stops before, or is not ready after `seconds`; an error in `ready` means "not yet".
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


def elsewhere(engine: str) -> str | None:
    """Return the address of an `engine` that runs already, from `PMOVES_TEST_<ENGINE>_URL`."""
    return os.environ.get(f"PMOVES_TEST_{engine.upper()}_URL") or None


def missing(engine: str, why: str) -> NoReturn:
    """Fail in CI, where every engine must be there; elsewhere skip and say why."""
    if os.environ.get("CI"):
        pytest.fail(f"{engine} cannot be started: {why}")
    pytest.skip(f"{engine} cannot be started: {why}")


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
    raise RuntimeError("\n".join([f"{process.args!r} {state}; its last lines:", *lines]))


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_TERM_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
