"""Replicas of the models on a real mesh: more under load, fewer after it, none where allowed."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import pytest

from cluster.chaos.ledger import Entry, unanswered
from cluster.chaos.load import Load, LoadPlan
from cluster.chaos.material import book_fault
from cluster.chaos.mesh import RunningMesh
from tests.cluster.meshes import started_mesh
from tests.retrieval.rerank.checkpoints import make_classifier

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(900),
    pytest.mark.soak,
]
_WAIT_S = 120.0
_SCALING = {
    "PMOVES_SERVE__EMBEDDER_REPLICAS": "0",
    "PMOVES_SERVE__EMBEDDER_MAX_REPLICAS": "2",
    "PMOVES_SERVE__RERANKER_REPLICAS": "0",
    "PMOVES_SERVE__RERANKER_MAX_REPLICAS": "2",
    # All of them find room on two cores.
    "PMOVES_SERVE__EMBEDDER_CPUS": "0.2",
    "PMOVES_SERVE__RERANKER_CPUS": "0.2",
    # A search is in a model for a few hundredths of a second only.
    "PMOVES_SERVE__TARGET_ONGOING": "0.2",
    # As for users; the other meshes of tests are more patient.
    "PMOVES_SERVE__EMBEDDER_PATIENCE_MS": "2000",
    "PMOVES_SERVE__UPSCALE_DELAY_S": "2",
    "PMOVES_SERVE__DOWNSCALE_DELAY_S": "10",
}
_NONE = {"embedder": 0, "reranker": 0}


async def test_models_come_from_nothing_grow_with_the_load_and_go_again(tmp_path: Path) -> None:
    variables = _SCALING | {
        "PMOVES_RERANK__ENABLED": "true",
        # Scores of one half keep the order, so that every answer can be compared.
        "PMOVES_RERANK__MODEL": str(make_classifier(tmp_path / "model", spread=0.0)),
        "PMOVES_RERANK__CACHE_ENTRIES": "0",
    }
    with started_mesh(tmp_path / "home", **variables) as mesh:
        assert count(mesh) == _NONE
        took = await written(mesh)
        took |= await loaded(mesh)
        took["calm, embedder 0 and reranker 0"] = await until(mesh, lambda found: found == _NONE)
        took |= await found_by_words(mesh)
    for what, seconds in took.items():
        print(f"{what}: {seconds:.1f} s")


async def written(mesh: RunningMesh) -> dict[str, float]:
    """Store passages, for which an embedder starts; ask until answers are reranked."""
    began = time.monotonic()
    async with Load(LoadPlan(mesh.state.url, searches_per_s=1, writes_per_s=0.1)) as load:
        stored = time.monotonic() - began
        ready = await until(mesh, lambda found: found["reranker"] == 1)
        async with asyncio.timeout(_WAIT_S):
            while not any(_reranked(entry) for entry in load.ledger.since(began + stored + ready)):
                await asyncio.sleep(0.1)
        answered = time.monotonic() - began - stored
    assert load.ledger.wrong == []
    assert unanswered(load.ledger.entries) == []
    assert next(entry for entry in load.ledger.entries if entry.kind == "search").degraded
    return {
        "first write, embedder 1": stored,
        "first search, reranker 1": ready,
        "first reranked answer": answered,
    }


async def found_by_words(mesh: RunningMesh) -> dict[str, float]:
    """Ask one thing after another until nothing is missing; every answer is right."""
    began = time.monotonic()
    took: dict[str, float] = {}
    body = {"query": "Chapter about topic3", "namespace": LoadPlan(mesh.state.url).books}
    async with httpx.AsyncClient(base_url=mesh.state.url, timeout=60, trust_env=False) as client:
        while "again: first reranked answer" not in took:
            assert time.monotonic() - began < _WAIT_S, took
            answer = (await client.post("/hirag/query", json=body)).raise_for_status().json()
            assert book_fault("book3-0", answer) is None
            missing = {part["stage"] for part in answer["degraded"]}
            if not took:
                assert "dense" in missing
                took["again: first answer, by words"] = time.monotonic() - began
            if "dense" not in missing:
                took.setdefault("again: first answer by meaning", time.monotonic() - began)
            if not missing:
                took["again: first reranked answer"] = time.monotonic() - began
            await asyncio.sleep(0.1)
    return took


async def loaded(mesh: RunningMesh) -> dict[str, float]:
    """Ask much; return when there were two of each."""
    plan = LoadPlan(mesh.state.url, searches_per_s=30, writes_per_s=0.5, most_searches=12)
    async with Load(plan) as load:
        grown = await until(mesh, lambda found: found == {"embedder": 2, "reranker": 2})
    assert load.ledger.wrong == []
    # A busy machine may refuse a write, cleanly.
    lost = unanswered(load.ledger.entries)
    assert {(entry.kind, entry.outcome) for entry in lost} <= {("write", "refused cleanly")}
    return {"load, embedder 2 and reranker 2": grown}


def _reranked(entry: Entry) -> bool:
    return entry.kind == "search" and entry.outcome == "answered" and not entry.degraded


def count(mesh: RunningMesh) -> dict[str, int]:
    """Return how many replicas of the models run, of a mesh that says that it is ready."""
    # Which starts no model.
    httpx.get(f"{mesh.state.url}/readyz", timeout=20, trust_env=False).raise_for_status()
    running = mesh.running()
    return {name: running[name][1] for name in ("embedder", "reranker")}


async def until(mesh: RunningMesh, so: Callable[[Mapping[str, int]], bool]) -> float:
    """Wait until the replicas are so; return the seconds that it took."""
    began = time.monotonic()
    while not so(found := await asyncio.to_thread(count, mesh)):
        assert time.monotonic() - began < _WAIT_S, found
        await asyncio.sleep(0.2)
    return time.monotonic() - began
