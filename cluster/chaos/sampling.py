"""What a mesh uses at one moment: memory, open files, threads, and versions on disk."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import psutil
from pydantic import BaseModel

from cluster.chaos.mesh import RunningMesh
from cluster.mesh.processes import mesh_processes

GROUPS: Mapping[str, str] = {
    "gateway": "ServeReplica:pmoves:gateway",
    "embedder": "ServeReplica:pmoves:embedder",
    "haproxy": "haproxy",
}
REST = "the rest"


class Sample(BaseModel):
    """One look, `at_s` seconds after the first.

    `memory_bytes` is what each group of processes has for itself (USS); `versions` counts
    the manifests of all tables of a corpus on this machine's disk, and `disk_bytes` its files.
    """

    at_s: float
    memory_bytes: dict[str, int]
    files: int
    threads: int
    versions: int
    disk_bytes: int

    def values(self) -> dict[str, float]:
        """Return every figure by its name."""
        memory = {f"memory of {name}, MB": used / 1e6 for name, used in self.memory_bytes.items()}
        return memory | {
            "open files": self.files,
            "threads": self.threads,
            "versions on disk": self.versions,
            "corpus on disk, MB": self.disk_bytes / 1e6,
        }


def sample(mesh: RunningMesh, corpus: Path, at_s: float) -> Sample:
    """Look at all processes of `mesh` and at the folder `corpus`."""
    memory, files, threads = dict.fromkeys([*GROUPS, REST], 0), 0, 0
    for process in mesh_processes(mesh.state.mesh_id, Path(mesh.state.temp_dir)):
        # One that ends meanwhile counts no more.
        with contextlib.suppress(psutil.Error):
            memory[_group(process)] += process.memory_full_info().uss
            files += process.num_fds()
            threads += process.num_threads()
    versions, disk = _on_disk(corpus)
    return Sample(
        at_s=at_s,
        memory_bytes=memory,
        files=files,
        threads=threads,
        versions=versions,
        disk_bytes=disk,
    )


def _group(process: psutil.Process) -> str:
    titles = {process.name(), *process.cmdline()[:1]}
    for group, title in GROUPS.items():
        if any(title in text for text in titles):
            return group
    return REST


def _on_disk(corpus: Path) -> tuple[int, int]:
    versions = size = 0
    for path in corpus.rglob("*"):
        # Upkeep removes files while we look.
        with contextlib.suppress(OSError):
            if path.is_file():
                size += path.stat().st_size
                versions += path.parent.name == "_versions" and path.suffix == ".manifest"
    return versions, size
