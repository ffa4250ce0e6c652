"""A real mesh: up, asked, broken, down. One bring-up serves all checks."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from cluster.doctor.stores import beyond_loopback
from cluster.mesh.dashboard import Dashboard
from cluster.mesh.processes import end_mesh, mesh_processes
from cluster.mesh.state import MeshState, read_state
from tests.embedders import WordEmbedder
from tests.openai_server import OpenAiServer, serving

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("ray")]
READY_S = "180"


@dataclass(frozen=True)
class Mesh:
    """A running mesh and the environment in which it was started."""

    environment: dict[str, str]
    state: MeshState

    def pmoves(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run(self.environment, *arguments)


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cluster.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def mesh(home: Path) -> Iterator[Mesh]:
    """A mesh over an empty corpus, in a home whose path holds a space."""
    environment = os.environ | {
        "PMOVES_HTTP__PORT": str(free_port()),
        "PMOVES_RAY__READY_S": READY_S,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    try:
        started = run(environment, "up", "--detach")
        assert started.returncode == 0, started.stdout + started.stderr
        state = read_state(home / "run")
        assert state
        yield Mesh(environment, state)
    finally:
        run(environment, "down")


def test_a_mesh_from_up_to_down(mesh: Mesh) -> None:
    check_status(mesh)
    check_it_answers(mesh)
    check_it_ingests(mesh)
    check_it_shows_evaluations(mesh)
    check_it_changes_the_model(mesh)
    check_it_keeps_to_itself(mesh)
    check_ray_asks_for_the_token(mesh)
    check_up_again_changes_nothing(mesh)
    kill_the_raylet_and_the_head(mesh)
    check_down_leaves_nothing(mesh)


def check_status(mesh: Mesh) -> None:
    status = json.loads(mesh.pmoves("status", "--json").stdout)
    assert status["ready"]
    assert status["mesh_id"] == mesh.state.mesh_id
    assert [node["tier"] for node in status["nodes"]] == ["cpu"]
    assert {(d["name"], d["running"], d["wanted"]) for d in status["deployments"]} == {
        ("gateway", 1, 1),
        ("embedder", 1, 1),
    }
    assert status["projections"]["dense"]["lag_versions"] == 0


def check_it_answers(mesh: Mesh) -> None:
    item = {"doc_id": "tea", "chunk_id": "tea-1", "text": "Green tea wants water of 80 degrees."}
    stored = httpx.post(f"{mesh.state.url}/hirag/upsert-batch", json={"items": [item]}, timeout=60)
    assert stored.json()["upserted"] == 1, stored.text
    found = json.loads(mesh.pmoves("search", "how hot for leaves", "--json").stdout)
    assert [hit["doc_id"] for hit in found["hits"]] == ["tea"]
    assert found["request_id"], "the answer came over HTTP"


def check_it_ingests(mesh: Mesh) -> None:
    folder = Path(mesh.state.home).parent / "my talks"
    folder.mkdir()
    (folder / "lanterns.md").write_text("# Lanterns\n\nKelp lanterns glow green under water.\n")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    # Relative, as people type it; Ray's workers stand elsewhere.
    done = mesh.pmoves("ingest", folder.name, "--json")
    assert done.returncode == 3, done.stdout + done.stderr
    summary = json.loads(done.stdout)
    assert (summary["ready"], summary["quarantined"]) == (1, 1)
    body = {"query": "green lights", "min_index_version": summary["index_version"], "k": 1}
    found = httpx.post(f"{mesh.state.url}/hirag/query", json=body, timeout=60).json()
    assert found["hits"][0]["source"]["uri"].endswith("/my%20talks/lanterns.md")


def check_it_shows_evaluations(mesh: Mesh) -> None:
    page = httpx.get(f"{mesh.state.url}/eval", timeout=30)
    assert page.status_code == 200
    assert "<h1>Evaluations</h1>" in page.text
    unknown = httpx.get(f"{mesh.state.url}/eval/api/runs/no/run", timeout=30)
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:pmoves:problem:not-found")


def check_it_changes_the_model(mesh: Mesh) -> None:
    """Corpus, mesh and the jobs it starts go over to a model that a server has; nobody restarts."""
    server = OpenAiServer(embed=WordEmbedder(dimension=48).embed_passages)
    with serving(server) as url:
        changed = mesh.environment | {
            "PMOVES_EMBEDDING__PROVIDER": "openai",
            "PMOVES_EMBEDDING__URL": url,
            "PMOVES_EMBEDDING__MODEL": "words",
        }
        made = run(changed, "reembed")
        assert made.returncode == 0, made.stderr
        assert "→ words (48 dimensions)" in made.stdout
        assert "embeds with the new model now" in made.stderr
        check_it_embeds_over_http(mesh, server)
        assert "already" in run(changed, "reembed").stdout


def check_it_embeds_over_http(mesh: Mesh, server: OpenAiServer) -> None:
    before = len(server.calls)
    files = {"files": ("harp.txt", b"A harp has forty-seven strings.")}
    job = httpx.post(f"{mesh.state.url}/documents", files=files, timeout=60).json()
    while job["state"] in ("queued", "running"):
        time.sleep(0.5)
        job = httpx.get(f"{mesh.state.url}/jobs/{job['job_id']}", timeout=60).json()
    assert (job["state"], job["done"], job["quarantined"]) == ("succeeded", 1, 0), job
    body = {"query": "harp strings", "mode": "dense", "min_index_version": job["index_version"]}
    found = httpx.post(f"{mesh.state.url}/hirag/query", json=body, timeout=60).json()
    assert "forty-seven" in found["hits"][0]["text"]
    assert found["degraded"] == []
    sent = [text for call in server.calls[before:] for text in call.body["input"]]
    assert "harp strings" in sent
    assert any("forty-seven" in text for text in sent)


def check_it_keeps_to_itself(mesh: Mesh) -> None:
    # Ray opens a replica's own port everywhere; it asks for the token there.
    assert all("ServeReplica" in name for name in beyond_loopback(mesh.state))


def check_ray_asks_for_the_token(mesh: Mesh) -> None:
    assert httpx.get(f"{mesh.state.dashboard_url}/api/version").status_code == 401
    with Dashboard(mesh.state) as dashboard:
        assert dashboard.version()


def check_up_again_changes_nothing(mesh: Mesh) -> None:
    again = mesh.pmoves("up", "--detach", "--json")
    assert again.returncode == 0
    summary = json.loads(again.stdout)
    assert (summary["started"], summary["mesh_id"]) == (False, mesh.state.mesh_id)


def kill_the_raylet_and_the_head(mesh: Mesh) -> None:
    processes = mesh_processes(mesh.state.mesh_id)
    raylet = next(process for process in processes if process.name() == "raylet")
    assert mesh.state.head_pid
    for pid in (mesh.state.head_pid, raylet.pid):
        os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([raylet], timeout=10)


def check_down_leaves_nothing(mesh: Mesh) -> None:
    down = mesh.pmoves("down")
    assert down.returncode == 0, down.stderr
    temp_dir = Path(mesh.state.temp_dir)
    left = mesh_processes(mesh.state.mesh_id, temp_dir)
    end_mesh(mesh.state.mesh_id, temp_dir)
    assert left == []
    assert not temp_dir.exists()
    assert read_state(Path(mesh.state.home) / "run") is None
    assert (Path(mesh.state.home) / "logs" / "ray-previous").is_dir()
