"""`POST /hirag/upsert-batch`: bad items are named, good ones land."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from serve_apps import problems
from tests.serve_apps.support import found, item, problem, search, upsert, wrong_fields

GOOD = item("doc-1", "A passage about microphones.")


async def test_bad_items_are_named_and_good_ones_land(client: httpx.AsyncClient) -> None:
    answer = await upsert(
        client,
        GOOD,
        {"doc_id": "x", "chunk_id": "y"},
        "not an object",
        {**GOOD, "chunk_id": "doc-2", "colour": "red"},
        {**GOOD, "chunk_id": "doc-3", "namespace": "no spaces"},
        {**GOOD, "chunk_id": "doc-4", "text": "  "},
        {**GOOD, "chunk_id": "doc-5", "text": "nul \x00 inside"},
        {**GOOD, "chunk_id": "doc-6", "text": "A second good one."},
    )
    assert (answer["ok"], answer["upserted"]) == (True, 2)
    named = [(entry["line"], entry["field"]) for entry in answer["rejected"]]
    assert named == [
        (2, "text"),
        (3, ""),
        (4, "colour"),
        (5, "namespace"),
        (6, "text"),
        (7, "text"),
    ]
    assert all(entry["detail"] for entry in answer["rejected"])
    assert set(found(await search(client, "microphones"))) == {"doc-1", "doc-6"}


async def test_json_lines_are_read_line_by_line(client: httpx.AsyncClient) -> None:
    lines = [json.dumps(GOOD), "", "{broken", "[1]", json.dumps({**GOOD, "chunk_id": "doc-2"})]
    answer = await client.post("/hirag/upsert-batch", json={"jsonl": "\r\n".join(lines)})
    body = answer.json()
    assert body["upserted"] == 2
    assert [entry["line"] for entry in body["rejected"]] == [3, 4]
    assert "JSON" in body["rejected"][0]["detail"]


async def test_storing_the_same_again_costs_nothing(client: httpx.AsyncClient) -> None:
    first = await upsert(client, GOOD)
    again = await upsert(client, GOOD)
    assert (first["upserted"], first["unchanged"]) == (1, 0)
    assert (again["upserted"], again["unchanged"]) == (0, 1)
    assert first["lexical_indexed"] == 1


async def test_items_of_a_document_are_merged_unless_they_replace(
    client: httpx.AsyncClient,
) -> None:
    await upsert(client, item("doc-1", "first passage"), item("doc-2", "second passage"))
    await upsert(client, item("doc-3", "third passage"), item("other-1", "another passage"))
    assert len(found(await search(client, "passage"))) == 4
    await upsert(client, item("doc-9", "only passage now"), replace=True)
    assert set(found(await search(client, "passage"))) == {"doc-9", "other-1"}
    document = (await client.get("/documents/doc")).json()
    assert (document["status"], document["chunks"]) == ("ready", 1)


async def test_the_last_of_two_equal_ids_in_one_call_wins(client: httpx.AsyncClient) -> None:
    answer = await upsert(client, item("doc-1", "the old words"), item("doc-1", "the new words"))
    (entry,) = answer["rejected"]
    assert (entry["line"], entry["field"]) == (1, "chunk_id")
    assert "line 2" in entry["detail"]
    assert (await search(client, "words"))["hits"][0]["text"] == "the new words"


async def test_equal_ids_in_two_namespaces_do_not_collide(client: httpx.AsyncClient) -> None:
    answer = await upsert(client, GOOD, {**GOOD, "namespace": "other", "text": "Other words."})
    assert (answer["upserted"], answer["rejected"]) == (2, [])
    assert (await search(client, "words", namespace="other"))["hits"][0]["text"] == "Other words."


async def test_the_fields_of_old_callers_are_accepted(client: httpx.AsyncClient) -> None:
    answer = await upsert(client, GOOD, ensure_collection=True, index_lexical=False)
    assert answer["ok"] is True


async def test_an_upsert_of_nothing_good_is_not_ok(client: httpx.AsyncClient) -> None:
    answer = await upsert(client, {"doc_id": "x"})
    assert (answer["ok"], answer["upserted"]) == (False, 0)


async def test_an_empty_list_is_stored_at_once(client: httpx.AsyncClient) -> None:
    answer = await upsert(client)
    assert (answer["ok"], answer["upserted"], answer["rejected"]) == (True, 0, [])


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "items"), ({"items": [], "jsonl": ""}, "items"), ({"items": [], "mode": 1}, "mode")],
)
async def test_the_envelope_is_checked(
    client: httpx.AsyncClient, body: dict[str, object], field: str
) -> None:
    answer = await client.post("/hirag/upsert-batch", json=body)
    assert wrong_fields(problem(answer, problems.INVALID_REQUEST)) == [field]


async def test_a_lone_surrogate_spoils_its_own_item_only(client: httpx.AsyncClient) -> None:
    good = json.dumps(GOOD)
    bad = '{"doc_id": "d", "chunk_id": "c", "text": "half a \\ud83d smile"}'
    answer = await client.post("/hirag/upsert-batch", content=f'{{"items": [{bad}, {good}]}}')
    body = answer.json()
    assert (body["upserted"], [entry["line"] for entry in body["rejected"]]) == (1, [1])
    assert body["rejected"][0]["field"] == "text"


@pytest.mark.parametrize(
    "payload", ['{"x": NaN}', '{"x": [{"y": Infinity}]}', '{"x": "%s"}' % ("y" * 70_000)]
)
async def test_payloads_that_cannot_be_stored_are_refused(
    client: httpx.AsyncClient, payload: str
) -> None:
    bad = f'{{"doc_id": "d", "chunk_id": "c", "text": "t", "payload": {payload}}}'
    answer = await client.post("/hirag/upsert-batch", content=f'{{"items": [{bad}]}}')
    (entry,) = answer.json()["rejected"]
    assert entry["field"].startswith("payload")


async def test_nesting_without_end_is_not_json(client: httpx.AsyncClient) -> None:
    answer = await client.post("/hirag/upsert-batch", content=b"[" * 100_000)
    problem(answer, problems.MALFORMED_BODY)


async def test_too_many_items_are_refused_with_the_limit(client: httpx.AsyncClient) -> None:
    items = [item(f"doc-{number}", "text") for number in range(51)]
    answer = await client.post("/hirag/upsert-batch", json={"items": items})
    assert problem(answer, problems.TOO_LARGE)["limits"] == {"max_batch_items": 50}
    assert found(await search(client, "text")) == []


async def test_too_large_a_body_is_refused_with_the_limit(client: httpx.AsyncClient) -> None:
    body = json.dumps({"items": [item("doc-1", "x" * 300_000)]}).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    declared = await client.post("/hirag/upsert-batch", content=body)
    streamed = await client.post("/hirag/upsert-batch", content=pieces())
    for answer in (declared, streamed):
        assert problem(answer, problems.TOO_LARGE)["limits"] == {"max_batch_bytes": 262_144}
