"""`POST /hirag/query` over the real corpus and model."""

import asyncio

import httpx
import pytest

from retrieval.entity import Alias, Entity
from serve_apps import problems
from serve_apps.api import create_app
from serve_apps.services import Services
from tests.serve_apps.support import client_of, found, item, problem, search, upsert, wrong_fields

RECORDER = item("gear-1", "The Zoom H6 field recorder runs on four AA batteries.")
PODCAST = item("show-1", "Episode twelve is about editing the weekly podcast.")


async def test_the_answer_holds_every_field_of_the_api(client: httpx.AsyncClient) -> None:
    await upsert(client, {**RECORDER, "payload": {"uri": "file:///gear.md", "title": "Gear"}})
    answer = await search(client, "what batteries does the recorder need", explain=True)
    assert answer["k"] == 1
    assert answer["results"] == answer["hits"]
    assert {"dense", "lexical", "embed", "total"} <= answer["timings_ms"].keys()
    assert answer["degraded"] == []
    assert (answer["used_rerank"], answer["rerank_provider"]) == (False, None)
    (hit,) = answer["hits"]
    assert (hit["doc_id"], hit["chunk_id"], hit["namespace"]) == ("gear", "gear-1", "pmoves")
    assert hit["source"]["uri"] == "file:///gear.md"
    assert hit["source"]["title"] == hit["payload"]["title"] == "Gear"
    assert hit["explain"]["dense"]["rank"] == 1


async def test_the_request_id_comes_back_in_header_and_body(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/hirag/query", json={"query": "x"}, headers={"X-Request-ID": "abc-1"}
    )
    assert answer.headers.get_list("x-request-id") == ["abc-1"]
    assert answer.json()["request_id"] == "abc-1"


async def test_the_fitting_passage_comes_first(client: httpx.AsyncClient) -> None:
    await upsert(client, RECORDER, PODCAST)
    assert found(await search(client, "which power cells for audio gear"))[0] == "gear-1"
    assert found(await search(client, "cutting an episode"))[0] == "show-1"


async def test_namespaces_are_a_wall(client: httpx.AsyncClient) -> None:
    await upsert(client, {**RECORDER, "namespace": "a"}, {**RECORDER, "namespace": "b"}, PODCAST)
    alone = await search(client, "recorder batteries", namespace="a")
    assert [hit["namespace"] for hit in alone["hits"]] == ["a"]
    both = await search(client, "recorder batteries", namespaces=["a", "b"])
    assert {hit["namespace"] for hit in both["hits"]} == {"a", "b"}
    assert found(await search(client, "recorder batteries", namespace="empty")) == []


async def test_callers_without_a_namespace_get_the_configured_one(services: Services) -> None:
    search_settings = services.settings.search.model_copy(update={"namespace": "studio"})
    services.settings.search = search_settings
    async with client_of(create_app(services)) as client:
        await upsert(client, RECORDER, {**PODCAST, "namespace": "pmoves"})
        assert found(await search(client, "podcast recorder")) == ["gear-1"]


@pytest.mark.parametrize(
    ("fields", "stage"),
    [
        ({"use_rerank": True, "rerank_topn": 5}, "rerank"),
        ({"entity_types": ["PERSON"]}, "graph"),
        ({"graph_boost": 0.2}, "graph"),
    ],
)
async def test_stages_that_are_not_there_are_named(
    client: httpx.AsyncClient, fields: dict[str, object], stage: str
) -> None:
    await upsert(client, RECORDER)
    answer = await search(client, "recorder", **fields)
    assert answer["degraded"] == [{"stage": stage, "reason": "not configured"}]
    assert answer["used_rerank"] is False
    assert found(answer) == ["gear-1"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["query"]),
        ({"query": ""}, ["query"]),
        ({"query": "   "}, ["query"]),
        ({"query": "x" * 8193}, ["query"]),
        ({"query": "x", "k": 0}, ["k"]),
        ({"query": "x", "k": 201, "alpha": 1.5}, ["k", "alpha"]),
        ({"query": "x", "top_k": 3}, ["top_k"]),
        ({"query": "x", "fusion": "sum"}, ["fusion"]),
        ({"query": "x", "namespace": "a'b"}, ["namespace"]),
        ({"query": "x", "filters": {"source": {"like": "a"}}}, ["filters.source.like"]),
        ({"query": "x", "filters": {"source": [["a"]]}}, ["filters.source"]),
        ([1], ["body"]),
    ],
)
async def test_wrong_fields_are_named(
    client: httpx.AsyncClient, body: object, fields: list[str]
) -> None:
    answer = await client.post("/hirag/query", json=body)
    told = problem(answer, problems.INVALID_REQUEST)
    assert sorted(set(wrong_fields(told)) & set(fields)) == sorted(fields)
    assert all(name in told["detail"] for name in fields)


async def test_an_unknown_filter_field_is_a_problem_of_its_own(client: httpx.AsyncClient) -> None:
    await upsert(client, RECORDER)
    answer = await client.post("/hirag/query", json={"query": "x", "filters": {"colour": "red"}})
    assert "colour" in problem(answer, problems.INVALID_FILTER)["detail"]


async def test_filters_reach_the_search(client: httpx.AsyncClient) -> None:
    await upsert(
        client,
        {**RECORDER, "payload": {"year": 2024}},
        {**PODCAST, "payload": {"year": 2019}},
    )
    answer = await search(client, "recorder podcast", filters={"metadata.year": {"gte": 2020}})
    assert found(answer) == ["gear-1"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"query": "x",}', b"\xff\xfe", b'{"query":"\\ud800"}']
)
async def test_what_is_not_json_is_told_so(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/hirag/query", content=body)
    problem(answer, problems.MALFORMED_BODY)


async def test_a_large_body_is_refused_with_its_limit(client: httpx.AsyncClient) -> None:
    answer = await client.post("/hirag/query", json={"query": "x" * 70_000})
    assert problem(answer, problems.TOO_LARGE)["limits"] == {"max_query_bytes": 65_536}


async def test_a_write_is_seen_by_a_query_that_names_its_version(
    client: httpx.AsyncClient,
) -> None:
    for number in range(5):
        stored = await upsert(client, item(f"n-{number}", f"Take number {number} of the song."))
        answer = await search(
            client, f"take {number}", min_index_version=stored["index_version"], k=50
        )
        assert f"n-{number}" in found(answer)
        assert answer["index_version"] >= stored["index_version"]


async def test_a_version_that_does_not_come_is_answered_with_retry_after(
    client: httpx.AsyncClient,
) -> None:
    body = {"query": "x", "min_index_version": 9_999, "timeout_ms": 60}
    answer = await client.post("/hirag/query", json=body)
    assert "9999" in problem(answer, problems.STALE_INDEX)["detail"]
    assert answer.headers["retry-after"] == "1"


async def test_many_searches_at_once_each_get_their_own_answer(client: httpx.AsyncClient) -> None:
    words = [f"keyword{number}" for number in range(24)]
    await upsert(
        client, *(item(f"doc{at}-0", f"About {word} only.") for at, word in enumerate(words))
    )
    answers = await asyncio.gather(*(search(client, word, mode="lexical") for word in words))
    assert [found(answer)[0] for answer in answers] == [f"doc{at}-0" for at in range(24)]
    assert len({answer["request_id"] for answer in answers}) == 24
    assert [answer["query"] for answer in answers] == words


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("k", "10"),
        ("k", True),
        ("alpha", "0.5"),
        ("explain", "yes"),
        ("use_rerank", 1),
        ("min_index_version", False),
        ("timeout_ms", "1000"),
    ],
)
async def test_values_of_another_kind_are_refused(
    client: httpx.AsyncClient, field: str, value: object
) -> None:
    answer = await client.post("/hirag/query", json={"query": "x", field: value})
    assert wrong_fields(problem(answer, problems.INVALID_REQUEST)) == [field]


async def test_entities_count_and_stay_within_their_namespace(
    client: httpx.AsyncClient, services: Services
) -> None:
    await upsert(client, RECORDER)
    alias = Alias("the old grey box")
    entity = Entity("pmoves", "recorder", "recorder", "DEVICE", (alias,))
    services.corpus.entities.change("pmoves", lambda _: [entity])
    await services.searcher.refresh()
    (hit,) = (await search(client, "the old grey box", explain=True))["hits"]
    assert (hit["graph_match"], hit["entities"]) == (True, ["recorder"])
    assert hit["explain"]["boosts"]["graph"] == pytest.approx(0.3)
    elsewhere = await search(client, "the old grey box", namespace="a", entity_types=["DEVICE"])
    assert elsewhere["degraded"] == [{"stage": "graph", "reason": "not configured"}]
    stats = (await client.get("/hirag/admin/stats")).json()
    assert stats["stages"]["graph"] == "on"
