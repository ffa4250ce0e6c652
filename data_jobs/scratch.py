"""Folders for what is needed while one document is parsed; none outlives its process for long."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "pmoves-parse-"
_LOCK = ".in-use"
# A folder this young may not be locked yet by the process that made it.
_YOUNG_S = 60.0


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield an empty folder, which goes with the block."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name:
        folder = Path(name)
        with (folder / _LOCK).open("wb") as lock:
            # The lock ends with this process, however it ends.
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder


def remove_abandoned() -> None:
    """Remove the folders of processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    status = folder.lstat()
    if status.st_uid != os.getuid() or time.time() - status.st_mtime < _YOUNG_S:
        return False
    try:
        with (folder / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True
