"""A real mesh goes over to another model, crashes, and is cleared away; see `make soak`."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from cluster.mesh.processes import end_mesh, mesh_processes
from cluster.mesh.state import read_state
from tests.cluster.meshes import Mesh, pmoves, started_mesh
from tests.embedders import WordEmbedder
from tests.openai_server import OpenAiServer, serving

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(600),
    pytest.mark.soak,
]


@pytest.fixture(scope="module")
def own_mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A mesh with default settings."""
    with started_mesh(tmp_path_factory.mktemp("own") / "home") as mesh:
        yield mesh


def test_it_changes_the_model_and_nobody_restarts(own_mesh: Mesh) -> None:
    server = OpenAiServer(embed=WordEmbedder(dimension=48).embed_passages)
    with serving(server) as url:
        changed = {
            **own_mesh.environment,
            "PMOVES_EMBEDDING__PROVIDER": "openai",
            "PMOVES_EMBEDDING__URL": url,
            "PMOVES_EMBEDDING__MODEL": "words",
        }
        made = pmoves(changed, "reembed")
        assert made.returncode == 0, made.stderr
        assert "→ words (48 dimensions)" in made.stdout
        assert "embeds with the new model now" in made.stderr
        check_it_embeds_over_http(own_mesh, server)
        assert "already" in pmoves(changed, "reembed").stdout


def check_it_embeds_over_http(mesh: Mesh, server: OpenAiServer) -> None:
    """Queries and the jobs that the mesh starts ask the server for vectors."""
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


@pytest.mark.late(1)
def test_down_after_a_crash_leaves_nothing(own_mesh: Mesh) -> None:
    raylet = next(iter(own_mesh.processes("raylet").values()))
    assert own_mesh.state.head_pid
    for pid in (own_mesh.state.head_pid, raylet.pid):
        os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([raylet], timeout=10)
    down = own_mesh.pmoves("down")
    assert down.returncode == 0, down.stderr
    temp_dir = Path(own_mesh.state.temp_dir)
    left = mesh_processes(own_mesh.state.mesh_id, temp_dir)
    end_mesh(own_mesh.state.mesh_id, temp_dir)
    assert left == []
    assert not temp_dir.exists()
    assert read_state(own_mesh.home / "run") is None
    assert (own_mesh.home / "logs" / "ray-previous").is_dir()
