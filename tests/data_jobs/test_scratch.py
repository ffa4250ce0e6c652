"""Folders of parsing: gone after the block, and after the death of their process."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from data_jobs.scratch import remove_abandoned, scratch_folder

KILLED = """
import os, signal
from data_jobs.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "object").write_bytes(b"x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of its own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def aged(folder: Path) -> None:
    """Make `folder` look as if it had been made an hour ago."""
    hour_ago = time.time() - 3_600
    os.utime(folder, (hour_ago, hour_ago))


def test_a_folder_goes_with_its_block(temporary: Path) -> None:
    with scratch_folder() as folder:
        (folder / "object").write_bytes(b"x")
    assert list(temporary.iterdir()) == []


def test_a_folder_in_use_stays_however_old(temporary: Path) -> None:
    with scratch_folder() as folder:
        aged(folder)
        remove_abandoned()
        assert folder.is_dir()


@pytest.mark.integration
def test_what_a_killed_process_left_is_removed(temporary: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED], env=os.environ | {"TMPDIR": str(temporary)}
    )
    assert done.returncode == -signal.SIGKILL
    (left,) = temporary.glob("pmoves-parse-*")
    remove_abandoned()
    assert left.is_dir(), "it may be one that is just being made"
    aged(left)
    remove_abandoned()
    assert list(temporary.iterdir()) == []


def test_other_folders_stay(temporary: Path) -> None:
    (temporary / "pmoves-other").mkdir()
    aged(temporary / "pmoves-other")
    remove_abandoned()
    assert (temporary / "pmoves-other").is_dir()
