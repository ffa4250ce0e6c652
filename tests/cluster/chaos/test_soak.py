"""Mixed load for PMOVES_TEST_SOAK_MINUTES: every answer right, and what grows is told."""

import os
from pathlib import Path

import pytest

from cluster.chaos.load import LoadPlan
from cluster.chaos.soak import soak
from tests.cluster.meshes import started_mesh

MINUTES = float(os.environ.get("PMOVES_TEST_SOAK_MINUTES", "60"))
pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(900 + 90 * MINUTES),
    pytest.mark.soak,
]


async def test_a_mesh_answers_right_for_long(tmp_path: Path) -> None:
    with started_mesh(tmp_path / "home") as mesh:
        corpus = tmp_path / "home" / "corpus"
        report = await soak(mesh, corpus, LoadPlan(mesh.state.url), MINUTES)
    for row in report.rows():
        print("\t".join(row))
    print("\n".join(report.summary()))
    assert report.ok
