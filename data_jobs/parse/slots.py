"""Places for programs of which only so many may run on this machine at once.

A place is a locked file, so that the kernel frees it when its holder dies.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_jobs.errors import LimitExceededError

_LOOK_SECONDS = 0.02


@contextmanager
def slot(name: str, count: int, seconds: float) -> Iterator[None]:
    """Hold one of `count` places called `name` while entered.

    Raises `LimitExceededError` when none came free within `seconds`.
    """
    deadline = time.monotonic() + seconds
    paths = [_folder() / f"{name}-{number}" for number in range(count)]
    while (descriptor := _first_free(paths)) is None:
        if time.monotonic() > deadline:
            raise LimitExceededError(f"no place for {name} came free within {seconds:g} s")
        time.sleep(_LOOK_SECONDS)
    try:
        yield
    finally:
        os.close(descriptor)


def _first_free(paths: list[Path]) -> int | None:
    for path in paths:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return descriptor
    return None


def _folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"pmoves-slots-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))
