"""Strikes of `pmoves chaos` at a mesh of the test's own, and a disk that is soon full."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster.chaos.report import ChaosReport
from tests.cluster.meshes import Mesh, pmoves


def strike(mesh: Mesh, *parts: str, freeze_s: float = 0.0) -> ChaosReport:
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
