"""A file system that is filled to the last byte, and one that is too large for that."""

import asyncio
import errno
import shutil
from pathlib import Path

import pytest

from cluster.chaos import disk
from cluster.chaos.disk import BALLAST, fill_disk, refuse_large
from cluster.chaos.mesh import RunningMesh
from cluster.errors import MeshError
from tests.cluster.chaos.striking import small_file_system
from tests.cluster.test_mesh_state import example


async def test_nothing_is_free_for_a_while(tmp_path: Path) -> None:
    with small_file_system(tmp_path / "disk", "8m") as home:
        mesh = RunningMesh(example(home).model_copy(update={"home": str(home)}))
        filling = asyncio.create_task(fill_disk(mesh, 1.0))
        while shutil.disk_usage(home).free:
            await asyncio.sleep(0.01)
        with pytest.raises(OSError, match="No space left") as caught:
            (home / "note").write_bytes(b"x" * 10_000)
        assert caught.value.errno == errno.ENOSPC
        # What is freed meanwhile is taken as well.
        (home / "note").unlink()
        while shutil.disk_usage(home).free:
            await asyncio.sleep(0.01)
        await filling
        assert not (home / BALLAST).exists()
        assert shutil.disk_usage(home).free


def test_a_large_file_system_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "MOST_BYTES", -1)
    with pytest.raises(MeshError, match="fills none with more than"):
        refuse_large(tmp_path)
