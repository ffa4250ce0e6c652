"""The ledger over HTTP."""

from urllib.parse import quote

import httpx
import pytest

from retrieval.chunk import Document, DocumentError
from serve_apps import problems
from serve_apps.services import Services
from tests.serve_apps.support import found, item, problem, search, upsert, wrong_fields

NAMES = ["a/b/c.md", "with space", "ünïcode – ✓", "50% off?", "https://example.org//x?y=1#z", "..."]


@pytest.mark.parametrize("doc_id", NAMES)
async def test_any_document_id_can_be_shown_and_deleted(
    client: httpx.AsyncClient, doc_id: str
) -> None:
    await upsert(client, item("x-1", "A passage.", doc_id=doc_id))
    path = f"/documents/{quote(doc_id, safe='')}"
    shown = await client.get(path)
    assert (shown.status_code, shown.json()["doc_id"]) == (200, doc_id)
    gone = (await client.delete(path)).json()
    assert (gone["ok"], gone["doc_id"], gone["deleted_chunks"]) == (True, doc_id, 1)


async def test_a_deleted_document_is_not_found_any_more(client: httpx.AsyncClient) -> None:
    await upsert(client, item("doc-1", "A passage."), item("other-1", "A passage too."))
    gone = (await client.delete("/documents/doc")).json()
    answer = await search(client, "passage", min_index_version=gone["index_version"])
    assert found(answer) == ["other-1"]
    assert (await client.get("/documents/doc")).json()["status"] == "deleted"
    listed = (await client.get("/documents")).json()["documents"]
    assert [row["doc_id"] for row in listed] == ["other"]
    problem(await client.delete("/documents/doc"), problems.NOT_FOUND)


async def test_a_document_is_deleted_in_its_own_namespace_only(client: httpx.AsyncClient) -> None:
    await upsert(client, item("doc-1", "Words."), item("doc-1", "Words.", namespace="other"))
    await client.delete("/documents/doc", params={"namespace": "other"})
    assert found(await search(client, "words")) == ["doc-1"]
    assert found(await search(client, "words", namespace="other")) == []


async def test_unknown_documents_are_not_found(client: httpx.AsyncClient) -> None:
    told = problem(await client.get("/documents/nope?namespace=x"), problems.NOT_FOUND)
    assert "'nope'" in told["detail"]
    problem(await client.delete("/documents/nope"), problems.NOT_FOUND)


async def test_pages_cover_the_ledger_once(client: httpx.AsyncClient) -> None:
    await upsert(client, *(item(f"doc{at:02d}-1", "text") for at in range(7)))
    seen: list[str] = []
    params: dict[str, str | int] = {"limit": 3}
    while True:
        page = (await client.get("/documents", params=params)).json()
        seen += [row["doc_id"] for row in page["documents"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert seen == [f"doc{at:02d}" for at in range(7)]


async def test_the_ledger_is_filtered(client: httpx.AsyncClient, services: Services) -> None:
    error = DocumentError("parse", "UnreadableFileError", "The file is damaged.")
    services.corpus.record(
        [
            Document("a", "one", "file:///one.pdf", "ready", pages=3, timings={"parse": 0.5}),
            Document("a", "two", "file:///two.pdf", "quarantined", error=error, attempts=2),
            Document("b", "one", "file:///one.pdf", "ready"),
        ]
    )

    async def ids(**params: str | list[str]) -> list[tuple[str, str]]:
        rows = (await client.get("/documents", params=params)).json()["documents"]
        return [(row["namespace"], row["doc_id"]) for row in rows]

    assert await ids() == [("a", "one"), ("a", "two"), ("b", "one")]
    assert await ids(namespace="a") == [("a", "one"), ("a", "two")]
    assert await ids(namespace=["a", "b"], status="ready") == [("a", "one"), ("b", "one")]
    assert await ids(source="file:///two.pdf") == [("a", "two")]
    row = (await client.get("/documents/two?namespace=a")).json()
    assert row["error"] == {
        "type": "UnreadableFileError",
        "message": "The file is damaged.",
        "stage": "parse",
    }
    assert row["attempts"] == 2


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("limit=0", ["limit"]),
        ("limit=2000", ["limit"]),
        ("status=lost", ["status"]),
        ("namespace=a%27b", ["namespace.0"]),
        ("sort=name", ["sort"]),
    ],
)
async def test_wrong_parameters_are_named(
    client: httpx.AsyncClient, query: str, fields: list[str]
) -> None:
    told = problem(await client.get(f"/documents?{query}"), problems.INVALID_REQUEST)
    assert wrong_fields(told) == fields


async def test_a_made_up_cursor_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/documents?cursor=bm9wZQ==")
    assert "cursor" in problem(answer, problems.INVALID_REQUEST)["detail"]


async def test_namespaces_are_counted(client: httpx.AsyncClient) -> None:
    await upsert(
        client,
        item("doc-1", "one"),
        item("doc-2", "two"),
        item("doc-1", "three", namespace="other"),
    )
    assert (await client.get("/namespaces")).json() == {
        "namespaces": [
            {"namespace": "other", "documents": 1, "chunks": 1},
            {"namespace": "pmoves", "documents": 1, "chunks": 2},
        ]
    }
