"""The command line at a real mesh, which the tests share."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from cluster.doctor.stores import beyond_loopback
from cluster.mesh.dashboard import Dashboard
from retrieval.corpus.store import Corpus
from tests.cluster.meshes import SOURCES, Mesh
from tests.data_jobs.library import write_library

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(600),
]


def test_status_tells_of_all_parts(mesh: Mesh) -> None:
    status = json.loads(mesh.pmoves("status", "--json").stdout)
    assert status["ready"]
    assert status["mesh_id"] == mesh.state.mesh_id
    assert [node["tier"] for node in status["nodes"]] == ["cpu"]
    assert {(d["name"], d["running"], d["wanted"]) for d in status["deployments"]} == {
        ("gateway", 1, 1),
        ("embedder", 1, 1),
        ("ingestor", 1, 1),
        ("reranker", 1, 1),
        ("dense-shard-0-of-2", 1, 1),
        ("dense-shard-1-of-2", 1, 1),
    }
    assert status["projections"]["dense"]["lag_versions"] == 0


def test_it_answers_by_meaning(mesh: Mesh) -> None:
    item = {
        "doc_id": "tea",
        "chunk_id": "tea-1",
        "text": "Green tea wants water of 80 degrees.",
        "namespace": "teas",
    }
    stored = httpx.post(f"{mesh.state.url}/hirag/upsert-batch", json={"items": [item]}, timeout=60)
    assert stored.json()["upserted"] == 1, stored.text
    asked = mesh.pmoves("search", "how hot for leaves", "--namespace", "teas", "--json")
    found = json.loads(asked.stdout)
    assert [hit["doc_id"] for hit in found["hits"]] == ["tea"]
    assert found["request_id"], "the answer came over HTTP"


def test_a_folder_beside_the_caller_is_ingested(mesh: Mesh) -> None:
    folder = mesh.home.parent / "my talks"
    folder.mkdir()
    (folder / "lanterns.md").write_text("# Lanterns\n\nKelp lanterns glow green under water.\n")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    # Relative, as people type it; Ray's workers stand elsewhere.
    done = mesh.pmoves("ingest", folder.name, "--namespace", "talks", "--json")
    assert done.returncode == 3, done.stdout + done.stderr
    summary = json.loads(done.stdout)
    assert (summary["ready"], summary["quarantined"]) == (1, 1)
    assert mesh.processes("ray::_UsageCollectionActor") == {}
    version = {"min_index_version": summary["index_version"]}
    body = {"query": "green lights", "namespace": "talks", "k": 1, **version}
    found = httpx.post(f"{mesh.state.url}/hirag/query", json=body, timeout=60).json()
    assert found["hits"][0]["source"]["uri"].endswith("/my%20talks/lanterns.md")


def test_a_job_is_submitted_with_the_checkout_as_working_directory(
    mesh: Mesh, tmp_path: Path
) -> None:
    library = tmp_path / "my library"
    write_library(library, damaged=False)
    done = submitted(mesh, "data_jobs.ingest", str(library), "--namespace", "submitted")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 ready" in done.stdout
    rows = Corpus.open_existing(str(mesh.home / "corpus")).documents(["submitted"]).documents
    assert [row.status for row in rows] == ["ready"] * 8
    jobs = httpx.get(f"{mesh.state.url}/jobs", timeout=30).json()["jobs"]
    (job,) = (each for each in jobs if each["namespace"] == "submitted")
    assert (job["state"], job["done"], job["total"]) == ("succeeded", 8, 8)


def submitted(mesh: Mesh, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module as a job of the mesh, in the way that the README shows."""
    ray = shutil.which("ray", path=str(Path(sys.executable).parent))
    assert ray
    client = json.loads(mesh.pmoves("env", "--json").stdout)
    return subprocess.run(
        [ray, "job", "submit", "--working-dir", ".", "--", "python", "-m", module, *arguments],
        env=dict(mesh.environment) | client,
        cwd=SOURCES,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_shows_evaluations(mesh: Mesh) -> None:
    page = httpx.get(f"{mesh.state.url}/eval", timeout=30)
    assert page.status_code == 200
    assert "<h1>Evaluations</h1>" in page.text
    unknown = httpx.get(f"{mesh.state.url}/eval/api/runs/no/run", timeout=30)
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:pmoves:problem:not-found")


def test_it_keeps_to_itself(mesh: Mesh) -> None:
    # Ray opens a replica's own port everywhere; it asks for the token there.
    assert all("ServeReplica" in name for name in beyond_loopback(mesh.state))


def test_ray_asks_for_the_token(mesh: Mesh) -> None:
    assert httpx.get(f"{mesh.state.dashboard_url}/api/version").status_code == 401
    with Dashboard(mesh.state) as dashboard:
        assert dashboard.version()


def test_up_again_changes_nothing(mesh: Mesh) -> None:
    again = mesh.pmoves("up", "--detach", "--json")
    assert again.returncode == 0
    summary = json.loads(again.stdout)
    assert (summary["started"], summary["mesh_id"]) == (False, mesh.state.mesh_id)
