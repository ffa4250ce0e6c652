"""The real engines that tests need: started here, or somebody's own."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NoReturn

import psutil
import pytest

from cluster.engines.process import running
from cluster.errors import MissingEngineError
from cluster.mesh.ports import any_free_port

__all__ = ["Engine", "any_free_port", "elsewhere", "frozen", "missing", "needed", "running"]


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
def frozen(process: subprocess.Popen[bytes] | None) -> Iterator[None]:
    """Stop a process and all that it started until the block ends; skips where it is not ours."""
    if process is None:
        pytest.skip("a server of PMOVES_TEST_… is not ours to stop")
    whole = [psutil.Process(process.pid)]
    whole += whole[0].children(recursive=True)
    for each in whole:
        each.suspend()
    try:
        yield
    finally:
        for each in whole:
            # Postgres may have ended a process of a connection that was closed.
            with suppress(psutil.NoSuchProcess):
                each.resume()


def elsewhere(engine: str) -> str | None:
    """Return the address of an `engine` that runs already, from `PMOVES_TEST_<ENGINE>_URL`."""
    return os.environ.get(f"PMOVES_TEST_{engine.upper()}_URL") or None


@contextmanager
def needed() -> Iterator[None]:
    """Start engines in this block; what is missing fails in CI, and is skipped elsewhere."""
    try:
        yield
    except MissingEngineError as error:
        missing(str(error))


def missing(why: str) -> NoReturn:
    """Fail in CI, where every engine must be there; elsewhere skip and say why."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
