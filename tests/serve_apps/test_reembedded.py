"""A gateway whose corpus got another model while it ran."""

import asyncio
from pathlib import Path

import httpx

from retrieval.reembedding import Reembedded, reembed
from serve_apps import problems
from serve_apps.services import Services
from tests.embedders import WordEmbedder
from tests.serve_apps.support import found, item, problem, search, upsert

OTHERS = WordEmbedder(dimension=8, model="others")


async def exchange(services: Services, folder: Path) -> Reembedded:
    uri = services.corpus.uri
    return await asyncio.to_thread(reembed, uri, OTHERS.identity, lambda: OTHERS, folder)


async def test_it_answers_by_words_and_says_what_to_do(
    client: httpx.AsyncClient, services: Services, tmp_path: Path
) -> None:
    await upsert(client, item("tea-1", "Green tea"), item("mic-1", "A ribbon microphone"))
    made = await exchange(services, tmp_path / "staged")
    answer = await search(client, "microphone", min_index_version=made.version)
    assert found(answer) == ["mic-1"]
    (part,) = answer["degraded"]
    assert part["stage"] == "dense"
    for named in ("'others'", "'words'", "restart"):
        assert named in part["reason"]
    body = {"query": "microphone", "mode": "dense"}
    refused = await client.post("/hirag/query", json=body)
    assert "'others'" in problem(refused, problems.EMBEDDING_IDENTITY)["detail"]


async def test_it_takes_no_vectors_of_the_old_model(
    client: httpx.AsyncClient, services: Services, tmp_path: Path
) -> None:
    await upsert(client, item("tea-1", "Green tea"))
    await exchange(services, tmp_path / "staged")
    body = {"items": [item("new-1", "New")]}
    refused = await client.post("/hirag/upsert-batch", json=body)
    detail = problem(refused, problems.EMBEDDING_IDENTITY)["detail"]
    assert "'others'" in detail
    assert str(services.settings.home) not in detail
    gone = await client.delete("/documents/tea", params={"namespace": "pmoves"})
    assert gone.json()["deleted_chunks"] == 1


async def test_it_is_not_ready_and_names_both_models(
    client: httpx.AsyncClient, services: Services, tmp_path: Path
) -> None:
    await exchange(services, tmp_path / "staged")
    await client.post("/hirag/admin/refresh")
    ready = await client.get("/readyz")
    assert ready.status_code == 503
    (broken,) = [part for part in ready.json()["parts"] if not part["ok"]]
    assert broken["name"] == "embedder"
    assert "'others'" in broken["detail"]
    assert (await client.get("/hirag/admin/stats")).json()["embedding"]["model"] == "others"
