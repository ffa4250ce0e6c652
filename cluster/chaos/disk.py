"""Fills the file system of a mesh's home to the last byte, for a while."""

import asyncio
import contextlib
import errno
import os
import shutil
import time
from pathlib import Path

from cluster.chaos.mesh import RunningMesh
from cluster.errors import MeshError

BALLAST = "chaos-ballast"
MOST_BYTES = 4 * 2**30
_PIECES = (2**26, 2**20, 2**12)
_AGAIN_S = 0.2


async def fill_disk(mesh: RunningMesh, seconds: float) -> None:
    """Take every free byte where the home of `mesh` lies, for `seconds`.

    What others free meanwhile is taken, too. Raises `MeshError` where more than `MOST_BYTES`
    are free: such a file system has other users.
    """
    home = Path(mesh.state.home)
    refuse_large(home)
    ballast = home / BALLAST
    ends = time.monotonic() + seconds
    with ballast.open("ab") as file:
        try:
            while time.monotonic() < ends:
                await asyncio.to_thread(take_all, file.fileno())
                await asyncio.sleep(_AGAIN_S)
        finally:
            ballast.unlink(missing_ok=True)


def refuse_large(home: Path) -> None:
    """Raise `MeshError` where more is free than may be filled."""
    free = shutil.disk_usage(home).free
    if free > MOST_BYTES:
        raise MeshError(
            f"the file system of {home} has {free / 2**30:,.0f} GiB free, and `pmoves chaos` fills "
            f"none with more than {MOST_BYTES / 2**30:.0f} GiB, for others may write there. Give "
            "the staging mesh a home on a small one, such as a tmpfs."
        )


def take_all(descriptor: int) -> None:
    """Let an open file grow until nothing is free where it lies."""
    for piece in _PIECES:
        with contextlib.suppress(_FullError):
            while True:
                _grow(descriptor, piece)


class _FullError(Exception):
    """Nothing more of that size is free."""


def _grow(descriptor: int, piece: int) -> None:
    size = os.fstat(descriptor).st_size
    try:
        os.posix_fallocate(descriptor, size, piece)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        # What could be had of it may have been taken all the same.
        os.ftruncate(descriptor, size)
        raise _FullError from error
