"""A mesh of its own for a test, with whatever its environment is to hold."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.chaos.mesh import RunningMesh
from cluster.chaos.report import ChaosReport
from cluster.mesh.state import read_state
from tests.serve_apps.test_serve import SOURCES, free_port, pmoves


@dataclass(frozen=True)
class OwnMesh(RunningMesh):
    """A running mesh, and the environment in which it was started."""

    environment: dict[str, str]


@contextmanager
def started_mesh(home: Path, **variables: str) -> Iterator[OwnMesh]:
    """Bring up a mesh in `home` for the time of the block; fail with what `up` said."""
    inherited = {name: value for name, value in os.environ.items() if "PMOVES_" not in name}
    environment = inherited | {
        "PMOVES_HOME": str(home),
        "PMOVES_HTTP__PORT": str(free_port()),
        # Others may take Ray's usual ports between the look at them and the start.
        "PMOVES_RAY__PORT": str(free_port()),
        "PMOVES_RAY__DASHBOARD_PORT": str(free_port()),
        "PMOVES_RAY__READY_S": "240",
        # On a machine this busy, a side that is late is no fault.
        "PMOVES_SEARCH__LEXICAL_TIMEOUT_MS": "20000",
        "PMOVES_SEARCH__DENSE_TIMEOUT_MS": "20000",
        "PYTHONPATH": str(SOURCES),
        **variables,
    }
    up = pmoves(environment, "up", "--detach")
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        state = read_state(home / "run")
        assert state is not None
        yield OwnMesh(state, environment)
    finally:
        pmoves(environment, "down")


def strike(mesh: OwnMesh, *parts: str, freeze_s: float = 0.0) -> ChaosReport:
    """Run `pmoves chaos` over `parts` of `mesh`; print its table, and return its report."""
    named = [word for part in parts for word in ("--part", part)]
    given = ["--kill-parts-of-this-mesh", "--json", "--freeze", str(freeze_s), *named]
    ran = pmoves(mesh.environment, "chaos", *given)
    assert ran.stdout, ran.stderr
    report = ChaosReport.model_validate_json(ran.stdout)
    print(report.to_markdown(), *report.summary(), sep="\n")
    assert (ran.returncode == 0) is report.ok
    assert report.skipped == []
    return report


@contextmanager
def small_file_system(folder: Path, size: str) -> Iterator[Path]:
    """Mount a tmpfs of `size` at `folder` for the time of the block; skip where that is denied."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system of its own takes the right to mount one")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
