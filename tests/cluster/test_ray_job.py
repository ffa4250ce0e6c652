"""Jobs of a real Ray give what the same commands give elsewhere; see `make soak`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster.cli.app import app
from data_jobs.settings import JobSettings
from eval.sweep.report import SweepReport
from retrieval.corpus.store import Corpus
from retrieval.jobs import JobStore
from tests.cluster.meshes import SOURCES, Mesh
from tests.cluster.test_mesh_integration import submitted
from tests.data_jobs.library import write_library
from tests.eval.sweep.collection import write_beir

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(900),
    pytest.mark.soak,
]


def test_a_sweep_is_submitted_and_its_indexes_are_tasks(
    mesh: Mesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMOVES_HOME", str(tmp_path / "home"))
    spec = tmp_path / "sweep.yaml"
    tried = "grid: {alpha: [0.2, 0.7]}, index: {chunk_size: [16]}"
    spec.write_text(f"{{dataset: {write_beir(tmp_path / 'boats')}, folds: 2, {tried}}}")

    def sweep(name: str) -> list[str]:
        folders = ("--work", str(tmp_path / f"work {name}"), "--out", str(tmp_path / name))
        return ["sweep", str(spec), *folders]

    done = submitted(mesh, "cluster.cli", *sweep("there"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "trials: 2 of 2" in done.stdout
    assert "retrieve:" not in done.stdout
    assert "<!doctype html>" in (tmp_path / "there" / "sweep.html").read_text()
    here = CliRunner().invoke(app, [*sweep("here"), "--local"])
    assert here.exit_code == 0, here.output
    reports = [
        SweepReport.model_validate_json((tmp_path / name / "sweep.json").read_text())
        for name in ("there", "here")
    ]
    assert reports[0].trials == reports[1].trials
    assert len(reports[0].trials) == 3


def test_the_command_starts_a_ray_of_its_own(tmp_path: Path) -> None:
    library = tmp_path / "my library"
    write_library(library, damaged=False)
    own = {"PMOVES_HOME": str(tmp_path / "home")}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    command = [sys.executable, "-m", "data_jobs.ingest", f"{library}/**", "--namespace", "tests"]
    done = subprocess.run(
        [*command, "--json"], env=inherited | own, capture_output=True, text=True, cwd=SOURCES
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ready"] == 8
    assert "starting Ray" in done.stderr
    assert all(line.lstrip()[0].isdigit() for line in done.stderr.splitlines())
    settings = JobSettings(home=tmp_path / "home")
    rows = Corpus.open_existing(settings.corpus_uri).documents(["tests"]).documents
    assert [row.status for row in rows] == ["ready"] * 8
    (job,) = JobStore(settings.state_url).list().jobs
    assert (job.state, job.done, job.total) == ("succeeded", 8, 8)
