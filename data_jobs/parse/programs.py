"""Running programs that are installed beside Python, under a time limit."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from data_jobs.errors import LimitExceededError
from data_jobs.parse.base import ParseLimits

_GRACE_SECONDS = 5.0
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TESSDATA_PREFIX")


def find_program(*names: str) -> str | None:
    """Return the path of the first of `names` that is installed."""
    return next((path for name in names if (path := shutil.which(name))), None)


def run_program(
    command: Sequence[str],
    seconds: float,
    *,
    files: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run `command`, which gets the descriptors `files` under the same numbers.

    Returns its outcome.

    Raises `LimitExceededError` after `seconds`; then nothing that it started is left.
    It stays in the session of its parent, whose end is its own.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=files,
        env=kept | {"OMP_THREAD_LIMIT": "1"} | dict(environment or {}),
    ) as process:
        try:
            out, told = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            name = Path(command[0]).name
            raise LimitExceededError(f"{name} took longer than {seconds:g} s") from error
        finally:
            if process.poll() is None:
                _kill_tree(process.pid)
    return subprocess.CompletedProcess(command, process.returncode, out, told)


@contextmanager
def memory_file(content: bytes) -> Iterator[int]:
    """Yield the descriptor of a file with `content` that lies in memory, in no folder."""
    descriptor = os.memfd_create("given")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def scratch_folder(limits: ParseLimits) -> Iterator[Path]:
    """Yield a folder for files of one step; it is removed afterwards.

    It lies in `limits.scratch`, which is emptied even if this process is killed.
    """
    with tempfile.TemporaryDirectory(prefix="step-", dir=limits.scratch) as name:
        yield Path(name)


def kept_folder(limits: ParseLimits) -> Path:
    """Return a folder whose files outlive the parser, until `limits.scratch` is emptied."""
    return Path(tempfile.mkdtemp(prefix="kept-", dir=limits.scratch))


def _kill_tree(pid: int) -> None:
    """Kill a process and all that it started, children first stopped from starting more."""
    import psutil

    try:
        root = psutil.Process(pid)
        root.suspend()
        tree = [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        return
    for process in tree:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(tree[:-1], _GRACE_SECONDS)
