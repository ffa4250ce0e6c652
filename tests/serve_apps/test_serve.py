"""The whole gateway on a real Ray, behind HAProxy, over real HTTP."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil
import pytest

from cluster.mesh.processes import mesh_processes
from retrieval.jobs import JobStore
from serve_apps import problems
from serve_apps.services import NEAR
from serve_apps.settings import AppArgs
from tests.cluster.meshes import Mesh
from tests.serve_apps.support import Json, found, item, problem, search, upsert

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(420),
]


@pytest.fixture
async def client(mesh: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """A client over real HTTP."""
    async with httpx.AsyncClient(base_url=mesh.state.url, timeout=60, trust_env=False) as made:
        yield made


async def job_of(client: httpx.AsyncClient, answer: httpx.Response) -> str:
    """Return the job that `answer` speaks of; fail with what the store knows otherwise."""
    assert answer.status_code == 202, (await client.get("/jobs")).text
    return str(answer.json()["job_id"])


async def finished(client: httpx.AsyncClient, job_id: str) -> Json:
    """Wait for the end of a job; return it."""
    async with asyncio.timeout(240):
        while True:
            job: Json = (await client.get(f"/jobs/{job_id}")).json()
            if job["state"] not in ("queued", "running"):
                return job
            await asyncio.sleep(0.5)


async def test_it_is_ready_and_echoes_request_ids_once(client: httpx.AsyncClient) -> None:
    answer = await client.get("/readyz", headers={"X-Request-ID": "mine"})
    assert answer.json()["ok"] is True, answer.text
    assert answer.headers.get_list("x-request-id") == ["mine"]


async def test_passages_are_stored_and_found(client: httpx.AsyncClient) -> None:
    items = [
        item(f"book{at}-0", f"Chapter about topic{at}.", namespace="books") for at in range(600)
    ]
    stored = await upsert(client, *items)
    assert (stored["upserted"], stored["rejected"]) == (600, [])
    answers = await asyncio.gather(
        *(
            search(
                client, f"topic{at}", namespace="books", min_index_version=stored["index_version"]
            )
            for at in range(0, 600, 20)
        )
    )
    assert [found(answer)[0] for answer in answers] == [f"book{at}-0" for at in range(0, 600, 20)]
    assert all(answer["degraded"] == [] for answer in answers)


async def test_the_vectors_are_in_shards_of_which_one_may_die(
    client: httpx.AsyncClient, mesh: Mesh
) -> None:
    items = [item(f"knot{at}-0", f"Knot number{at}.", namespace="knots") for at in range(60)]
    version = (await upsert(client, *items))["index_version"]
    asked = {"namespace": "knots", "mode": "dense", "k": 60}
    whole = await search(client, "knot", min_index_version=version, **asked)
    assert (len(found(whole)), whole["degraded"]) == (60, [])
    states = (await client.get("/hirag/admin/stats")).json()["index"]["shards"]
    rows = [state["rows"] for state in states]
    assert sum(rows) >= 60
    assert all(rows)
    dead = shard_process(mesh, 1)
    dead.kill()
    async with asyncio.timeout(60):
        while not (part := await search(client, "knot", **asked))["degraded"]:
            await asyncio.sleep(0.1)
    assert part["degraded"][0]["stage"] == "dense"
    assert part["degraded"][0]["reason"].startswith("1 of 2 shards did not answer: shard 1 ")
    assert 0 < len(found(part)) < 60
    async with asyncio.timeout(120):
        while (again := await search(client, "knot", **asked))["degraded"]:
            await asyncio.sleep(0.2)
    assert found(again) == found(whole)
    assert await counted(client, r'dense_shard_rows\{replica="\w+",shard="1"\}')


async def counted(client: httpx.AsyncClient, pattern: str) -> bool:
    """Say whether a metric's line begins so, its `pmoves_` left out."""
    text = (await client.get("/metrics")).text
    return re.search(f"^pmoves_{pattern}", text, re.MULTILINE) is not None


def shard_process(mesh: Mesh, number: int) -> psutil.Process:
    """Return the process of the only replica of a shard."""
    title = f"ServeReplica:pmoves:dense-shard-{number}-of-2"
    (process,) = mesh.processes(title).values()
    return process


async def test_the_reranker_is_warm_and_scores_for_many_at_once(client: httpx.AsyncClient) -> None:
    status = (await client.get("/hirag/admin/rerank-status")).json()
    assert (status["loaded"], status["provider"], status["errors"]) == (True, "cross-encoder", [])
    items = [item(f"reel{at}-0", f"Reel {at} of the storm.", namespace="reels") for at in range(30)]
    version = (await upsert(client, *items))["index_version"]
    asked = {"namespace": "reels", "use_rerank": True, "min_index_version": version}
    answers = await asyncio.gather(
        *(search(client, f"reel {at}", rerank_topn=10, **asked) for at in range(12))
    )
    for answer in answers:
        assert (answer["used_rerank"], answer["rerank_provider"]) == (True, "cross-encoder")
        assert answer["degraded"] == []
        assert all(0 <= hit["rerank_score"] <= 1 for hit in answer["hits"])
    assert not (await search(client, "reel 1", namespace="reels"))["used_rerank"]


async def test_errors_pass_haproxy_as_problem_documents(client: httpx.AsyncClient) -> None:
    problem(await client.get("/nowhere"), problems.NOT_FOUND)
    told = await client.post("/hirag/query", json={"query": "x", "k": 0})
    problem(told, problems.INVALID_REQUEST)
    stale = await client.post(
        "/hirag/query", json={"query": "x", "min_index_version": 10**6, "timeout_ms": 50}
    )
    problem(stale, problems.STALE_INDEX)
    assert stale.headers["retry-after"] == "1"


async def test_document_ids_pass_haproxy_unchanged(client: httpx.AsyncClient) -> None:
    await upsert(client, item("x-1", "A passage.", doc_id="a/b c//ü%?#", namespace="ids"))
    path = "/documents/a%2Fb%20c%2F%2F%C3%BC%25%3F%23"
    answer = await client.get(path, params={"namespace": "ids"})
    assert answer.json()["doc_id"] == "a/b c//ü%?#"


async def test_a_client_that_goes_away_frees_its_slot(
    client: httpx.AsyncClient, mesh: Mesh
) -> None:
    # Waits for a version that never comes, for as long as its caller lets it.
    body = b'{"query": "x", "min_index_version": 1000000, "timeout_ms": 300000}'
    head = f"POST /hirag/query HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", mesh.state.http_port)
    writer.write(head.encode() + body)
    await writer.drain()
    async with asyncio.timeout(30):
        while not await counted(client, r"http_in_flight\{.*\} 2.0"):
            await asyncio.sleep(0.1)
        writer.close()
        while not await counted(client, r"http_in_flight\{.*\} 1.0"):
            await asyncio.sleep(0.1)
    assert await counted(client, 'http_requests_total.*route="/hirag/query",status="499"} 1.0')


async def test_each_request_leaves_a_line_in_the_gateways_log(
    client: httpx.AsyncClient, mesh: Mesh
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"X-Request-ID": "look-for-me", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    body = {"query": "hush-hush", "namespace": "books"}
    await client.post("/hirag/query", json=body, headers=headers)
    folder = Path(mesh.state.home) / "logs/ray/serve"
    text = "".join(file.read_text() for file in folder.glob("replica_*gateway*.log"))
    line = next(line for line in text.splitlines() if "POST /hirag/query" in line and trace in line)
    assert "request_id=look-for-me" in line
    assert "namespace=books" in line
    assert "hush-hush" not in text


async def test_http_is_served_on_loopback_only(mesh: Mesh) -> None:
    listening = [
        place for process in mesh_processes(mesh.state.mesh_id) for place in listens(process)
    ]
    haproxy = [place for place in listening if place[0] == "haproxy"]
    assert len(haproxy) == 3
    assert {ip for _, ip, _ in haproxy} == {"127.0.0.1"}
    for _, ip, port in listening:
        if ip not in ("127.0.0.1", "::1"):
            assert not await speaks_http(port)


def listens(process: psutil.Process) -> list[tuple[str, str, int]]:
    """Return kind, address and port of what `process` listens on, if it speaks HTTP for us."""
    with contextlib.suppress(psutil.Error):
        title = " ".join(process.cmdline())
        kind = next((name for name in ("haproxy", "gateway", "ProxyActor") if name in title), None)
        return [
            (kind, connection.laddr.ip, connection.laddr.port)
            for connection in process.net_connections("inet")
            if kind and connection.status == psutil.CONN_LISTEN
        ]
    return []


async def speaks_http(port: int) -> bool:
    """Say whether something at `port` answers HTTP."""
    async with httpx.AsyncClient(timeout=3, trust_env=False) as client:
        try:
            await client.get(f"http://127.0.0.1:{port}/-/healthz")
        except httpx.HTTPError:
            return False
    return True


async def test_a_large_upload_takes_no_memory_and_goes_with_its_client(
    client: httpx.AsyncClient, mesh: Mesh
) -> None:
    (gateway,) = mesh.processes("ServeReplica:pmoves:gateway").values()
    uploads, sizes = Path(mesh.state.home) / "uploads", [gateway.memory_info().rss]
    before = set(uploads.iterdir()) if uploads.exists() else set()

    async def form() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        for _ in range(256):
            yield b"x" * 2**20
            sizes.append(gateway.memory_info().rss)
        assert set(uploads.iterdir()) - before
        raise ConnectionAbortedError

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    with pytest.raises(ConnectionAbortedError):
        await client.post("/documents", content=form(), headers=headers)
    assert max(sizes) - sizes[0] < 64 * 2**20
    async with asyncio.timeout(60):
        while set(uploads.iterdir()) - before:
            await asyncio.sleep(0.1)


async def test_small_jobs_run_in_the_ingestor(client: httpx.AsyncClient, mesh: Mesh) -> None:
    files = {"files": ("lantern.md", b"# Lanterns\n\nA lantern of smoked glass.")}
    job_id = await job_of(
        client, await client.post("/documents", files=files, data={"namespace": "small"})
    )
    job = await finished(client, job_id)
    assert (job["state"], job["done"], job["quarantined"]) == ("succeeded", 1, 0)
    body = {"query": "smoked glass", "namespace": "small", "k": 1}
    (hit,) = (await client.post("/hirag/query", json=body)).json()["hits"]
    assert hit["source"]["uri"] == "upload:lantern.md"
    store = JobStore(AppArgs(home=mesh.home).state_url)
    stored = store.get(job_id)
    store.close()
    assert stored is not None
    assert stored.runner_id == NEAR


async def test_a_ray_job_can_be_stopped(client: httpx.AsyncClient, mesh: Mesh) -> None:
    notes = mesh.roots / "notes"
    notes.mkdir()
    for number in range(600):
        (notes / f"note {number}.md").write_text(f"# Note {number}\n\nWords of note {number}.")
    body = {"sources": [notes.as_uri()], "namespace": "stopped"}
    job_id = await job_of(client, await client.post("/ingest", json=body))
    assert (await client.delete(f"/jobs/{job_id}")).status_code == 202
    job = await finished(client, job_id)
    assert job["state"] == "stopped", job["error"]
