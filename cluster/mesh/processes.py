"""Finds and ends the processes of a mesh.

Every process of a mesh inherits `PMOVES_MESH_ID`. Ray's agents overwrite their
environment with a process title: children of marked processes, and Ray processes
that hold a file of the mesh's own temporary folder, count too.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

MARK = "PMOVES_MESH_ID"
FOLDER_MARK = "PMOVES_MESH_DIR"
# Not PMOVES_HOME: a job or an application in a mesh may have another one.
HOME_MARK = "PMOVES_MESH_HOME"
_SCANS = 5


@dataclass(frozen=True, slots=True)
class Ended:
    """What `end` did: how many processes went on request, and how many were killed."""

    asked: int
    killed: int

    @property
    def total(self) -> int:
        """All processes ended."""
        return self.asked + self.killed

    def __add__(self, other: "Ended") -> "Ended":
        return Ended(self.asked + other.asked, self.killed + other.killed)


def mesh_processes(mesh_id: str, temp_dir: Path | None = None) -> list[psutil.Process]:
    """Return the living processes of the mesh, without ourselves and our parents."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        if _mark(process) == mesh_id or (temp_dir and _uses(process, temp_dir)):
            found[process.pid] = process
            found |= {child.pid: child for child in _children(process)}
    return [process for pid, process in found.items() if pid not in _own() and _alive(process)]


def meshes_of(home: Path) -> dict[str, Path]:
    """Return every mesh of `home` that still has a process: its id, and its temporary folder."""
    found: dict[str, Path] = {}
    for process in psutil.process_iter():
        environment = _environment(process)
        folder = environment.get(FOLDER_MARK)
        if environment.get(HOME_MARK) == str(home) and folder and MARK in environment:
            found[environment[MARK]] = Path(folder)
    return found


def end_mesh(mesh_id: str, temp_dir: Path | None = None, grace_s: float = 5.0) -> Ended:
    """End all processes of the mesh, also those that start meanwhile."""
    total = Ended(0, 0)
    for _ in range(_SCANS):
        processes = mesh_processes(mesh_id, temp_dir)
        if not processes:
            break
        total += end(processes, grace_s)
    return total


def end(processes: Sequence[psutil.Process], grace_s: float) -> Ended:
    """Ask `processes` to end, and kill after `grace_s` seconds those that have not."""
    _signal(processes, "terminate")
    _gone, left = psutil.wait_procs(_living(processes), timeout=grace_s)
    _signal(left, "kill")
    psutil.wait_procs(left, timeout=grace_s)
    return Ended(asked=len(processes) - len(left), killed=len(left))


def is_running(pid: int | None, created: float | None) -> bool:
    """Whether the process `pid` that was created at `created` is still the same, and lives."""
    if pid is None:
        return False
    try:
        process = psutil.Process(pid)
        return _alive(process) and abs(process.create_time() - (created or 0.0)) < 2.0
    except psutil.Error:
        return False


def _living(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if _alive(process)]


def _signal(processes: Iterable[psutil.Process], method: str) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            getattr(process, method)()


def _mark(process: psutil.Process) -> str | None:
    return _environment(process).get(MARK)


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}


def _uses(process: psutil.Process, folder: Path) -> bool:
    # Only Ray's own: whoever reads a log there is none of ours.
    try:
        titled = process.cmdline()[:1] and process.cmdline()[0].startswith("ray")
        return bool(titled) and any(
            Path(file.path).is_relative_to(folder) for file in process.open_files()
        )
    except (psutil.Error, OSError):
        return False


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _own() -> set[int]:
    return {os.getpid(), *(parent.pid for parent in _parents())}


def _parents() -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        yield from psutil.Process().parents()
