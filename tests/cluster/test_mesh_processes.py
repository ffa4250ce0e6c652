"""Processes of a mesh are found by their mark, and nothing else is touched."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from cluster.mesh.processes import (
    FOLDER_MARK,
    HOME_MARK,
    MARK,
    end_mesh,
    is_running,
    mesh_processes,
    meshes_of,
)

READY = "print('ready', flush=True); import time; time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + READY
PARENT = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {READY!r}], env={{}})
import time; time.sleep(60)
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start Python processes, and see that none is left."""
    started: list[subprocess.Popen[str]] = []

    def run(
        code: str, name: str = "python", folder: Path | None = None, **marks: str
    ) -> subprocess.Popen[str]:
        prefix = f"kept = open({str(folder / 'log')!r}, 'w'); " if folder else ""
        process = subprocess.Popen(
            [name, "-c", prefix + code],
            executable=sys.executable,
            env=os.environ | marks,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        return process

    yield run
    for process in started:
        for child in psutil.Process(process.pid).children() if process.poll() is None else []:
            child.kill()
        process.kill()
        process.communicate()


def pids(mesh_id: str, folder: Path | None = None) -> set[int]:
    return {process.pid for process in mesh_processes(mesh_id, folder)}


def test_the_mark_tells_meshes_apart(start: Start) -> None:
    one, other = str(uuid.uuid4()), str(uuid.uuid4())
    mine, foreign = start(READY, **{MARK: one}), start(READY, **{MARK: other})
    assert pids(one) == {mine.pid}
    assert end_mesh(one, grace_s=10).total == 1
    assert mine.poll() is not None
    assert foreign.poll() is None
    assert pids(other) == {foreign.pid}


def test_a_child_without_the_mark_belongs_to_its_parent(start: Start) -> None:
    one = str(uuid.uuid4())
    parent = start(PARENT, **{MARK: one})
    (child,) = psutil.Process(parent.pid).children()
    assert pids(one) == {parent.pid, child.pid}
    assert end_mesh(one, grace_s=10).total == 2
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_an_unmarked_ray_process_is_known_by_its_files(start: Start, tmp_path: Path) -> None:
    agent = start(READY, name="ray::DashboardAgent", folder=tmp_path)
    reader = start(READY, name="tail", folder=tmp_path)
    assert pids(str(uuid.uuid4()), tmp_path) == {agent.pid}
    assert reader.poll() is None


def test_who_does_not_listen_is_killed(start: Start) -> None:
    one = str(uuid.uuid4())
    start(STUBBORN, **{MARK: one})
    ended = end_mesh(one, grace_s=0.3)
    assert (ended.asked, ended.killed) == (0, 1)
    assert pids(one) == set()


def test_nothing_to_end() -> None:
    assert end_mesh(str(uuid.uuid4())).total == 0


def test_a_home_knows_its_meshes(start: Start, tmp_path: Path) -> None:
    one = str(uuid.uuid4())
    other = tmp_path / "other"
    marks = {MARK: one, HOME_MARK: str(tmp_path), FOLDER_MARK: "/tmp/pm-x"}
    # What runs in a mesh may have a home of its own, which that mesh is none of.
    start(READY, **marks, PMOVES_HOME=str(other))
    assert meshes_of(tmp_path) == {one: Path("/tmp/pm-x")}
    assert meshes_of(other) == {}


def test_a_reused_process_id_is_not_the_same_process(start: Start) -> None:
    process = start(READY)
    created = psutil.Process(process.pid).create_time()
    assert is_running(process.pid, created)
    assert not is_running(process.pid, created - 3600)
    assert not is_running(None, None)
    process.kill()
    process.wait()
    assert not is_running(process.pid, created)
