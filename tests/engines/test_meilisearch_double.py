"""The double of Meilisearch: that it refuses what the documentation says is refused.

With `PMOVES_TEST_MEILISEARCH_URL` these are put to a real one.
"""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from meilisearch_python_sdk import Client, Index
from meilisearch_python_sdk.errors import MeilisearchApiError
from meilisearch_python_sdk.models.search import Federation, FederationOptions, SearchParams
from meilisearch_python_sdk.models.settings import MeilisearchSettings, TypoTolerance
from meilisearch_python_sdk.models.task import TaskInfo, TaskResult

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("meilisearch")]

BOATS = [
    {"id": "a", "text": "a small red boat", "kind": "Rock", "size": 3},
    {"id": "b", "text": "the boat and the harbour", "kind": "rock", "size": 10},
    {"id": "c", "text": "a harbour full of red lamps", "kind": ["b5", "b9"], "size": 7},
]
EXACT = MeilisearchSettings(
    searchable_attributes=["text"],
    filterable_attributes=["kind", "size"],
    ranking_rules=["words", "proximity", "exactness", "id:asc"],
    typo_tolerance=TypoTolerance(enabled=False),
    prefix_search="disabled",
)


@pytest.fixture
def client(meilisearch_url: str) -> Iterator[Client]:
    """A client of the shared one."""
    with Client(meilisearch_url) as made:
        yield made


@pytest.fixture
def index(client: Client) -> Iterator[Index]:
    """An index with three documents."""
    made = client.create_index(f"t{uuid.uuid4().hex[:12]}", "id", timeout_in_ms=5_000)
    done(client, made.update_settings(EXACT))
    assert done(client, made.add_documents(BOATS)).status == "succeeded"
    yield made
    done(client, made.delete())


def done(client: Client, task: TaskInfo) -> TaskResult:
    return client.wait_for_task(task.task_uid, interval_in_ms=10)


def found(index: Index, query: str, **more: Any) -> list[str]:
    return [str(hit["id"]) for hit in index.search(query, **more).hits]


def code_of(task: TaskResult) -> str:
    assert task.status == "failed"
    assert task.error is not None
    assert task.error.keys() == {"message", "code", "type", "link"}
    return str(task.error["code"])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("kind = ROCK", "ab"),
        ('kind != "rock"', "c"),
        ("kind IN [rock, b9]", "abc"),
        ("NOT (kind IN [rock])", "c"),
        ("kind NOT IN [rock]", "c"),
        ("size > 3 AND size <= 10", "bc"),
        ("size 4 TO 7 OR size = 10", "bc"),
        ("kind b6 TO b9", "c"),
        ("kind b6 TO b8", ""),  # no single value lies between
        ("kind >= b6 AND kind <= b8", "c"),  # one value passes the one, one the other
        ("kind EXISTS", "abc"),
        (["size < 10", ["kind = b5", "kind = rock"]], "ac"),
    ],
)
def test_filters(index: Index, filters: Any, expected: str) -> None:
    assert sorted(found(index, "", filter=filters)) == sorted(expected)


@pytest.mark.parametrize(
    "filters",
    ["text = boat", "size >", "size = 1 size = 2", "kind IN [a b]", "(size = 1", [[["a"]]]],
)
def test_wrong_filters_are_refused(index: Index, filters: Any) -> None:
    with pytest.raises(MeilisearchApiError) as caught:
        index.search("boat", filter=filters)
    assert (caught.value.status_code, caught.value.code) == (400, "invalid_search_filter")


@pytest.mark.parametrize(
    ("query", "strategy", "expected"),
    [
        ("red boat", "all", "a"),
        ("red boat", "last", "ac"),
        ("boat red", "last", "ab"),
        ("zebra boat harbour lamps", "frequency", "c"),  # the rarest that is there
        ('"red boat"', "last", "a"),
        ('"boat red"', "last", ""),
        ("-harbour boat", "last", "a"),
        ("RÉD", "last", "ac"),
        ("harb", "last", ""),
        ("one two three four five six seven eight nine ten lamps", "frequency", ""),
    ],
)
def test_queries(index: Index, query: str, strategy: Any, expected: str) -> None:
    assert found(index, query, matching_strategy=strategy) == list(expected)


def test_more_words_and_nearer_ones_score_higher(index: Index) -> None:
    hits = index.search("red boat", show_ranking_score=True).hits
    assert 1 >= hits[0]["_rankingScore"] > 0.5 >= hits[1]["_rankingScore"] > 0


def test_merged_queries_find_each_document_once_by_its_best_weighted_score(
    client: Client, index: Index
) -> None:
    queries = [
        SearchParams(index_uid=index.uid, q=text, federation_options=FederationOptions(weight=by))
        for text, by in (("red boat", 1.0), ("red", 0.5), ("boat", 0.5), ("harbour", 0.1))
    ]
    answer = client.multi_search(queries, federation=Federation(limit=2))
    assert not isinstance(answer, list)
    # Of equal scores, the id decides.
    assert [hit["id"] for hit in answer.hits] == ["a", "b"]
    scores = [hit["_federation"]["weightedRankingScore"] for hit in answer.hits]
    assert 1 >= scores[0] > scores[1] > 0


def test_a_merged_query_has_no_limit_of_its_own(meilisearch_url: str, index: Index) -> None:
    body = {"federation": {}, "queries": [{"indexUid": index.uid, "q": "boat", "limit": 3}]}
    answer = httpx.post(f"{meilisearch_url}/multi-search", json=body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_multi_search_query_pagination"


def test_an_unknown_parameter_is_refused(meilisearch_url: str, index: Index) -> None:
    url = f"{meilisearch_url}/indexes/{index.uid}/search"
    answer = httpx.post(url, json={"q": "boat", "serachableAttributes": ["a"]})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"id": "not/this", "text": "x"}, "invalid_document_id"),
        ({"id": "x" * 512, "text": "x"}, "invalid_document_id"),
        ({"text": "x"}, "missing_document_id"),
    ],
)
def test_a_batch_with_one_wrong_id_is_not_indexed(
    client: Client, index: Index, document: dict[str, Any], code: str
) -> None:
    task = index.add_documents([{"id": "d", "text": "boat"}, document])
    assert code_of(done(client, task)) == code
    assert index.get_stats().number_of_documents == 3


def test_indexes_that_are_not_there(client: Client) -> None:
    name = f"t{uuid.uuid4().hex[:12]}"
    nothing = client.index(name)
    for work in (nothing.fetch_info, lambda: nothing.search("x"), nothing.get_documents):
        with pytest.raises(MeilisearchApiError) as caught:
            work()
        assert (caught.value.status_code, caught.value.code) == (404, "index_not_found")
    assert code_of(done(client, nothing.delete())) == "index_not_found"
    assert code_of(done(client, client.swap_indexes([(name, "neither")]))) == "index_not_found"
    with pytest.raises(MeilisearchApiError) as caught:
        client.multi_search([SearchParams(index_uid=name, q="x")], federation=Federation())
    assert (caught.value.status_code, caught.value.code) == (400, "index_not_found")
    # To write to it makes it.
    assert done(client, nothing.add_documents(BOATS)).status == "succeeded"
    assert done(client, nothing.delete()).status == "succeeded"


def test_indexes_are_swapped_with_all_that_is_theirs(client: Client, index: Index) -> None:
    other = client.create_index(f"t{uuid.uuid4().hex[:12]}", "key", timeout_in_ms=5_000)
    before = index.fetch_info().created_at
    assert done(client, client.swap_indexes([(index.uid, other.uid)])).status == "succeeded"
    assert other.fetch_info().created_at == before
    assert (index.get_stats().number_of_documents, other.get_stats().number_of_documents) == (0, 3)
    assert other.get_settings().searchable_attributes == ["text"]
    done(client, client.swap_indexes([(index.uid, other.uid)]))
    done(client, other.delete())


def test_replaced_and_removed_documents_are_gone(client: Client, index: Index) -> None:
    done(client, index.add_documents([{"id": "a", "text": "zebra"}]))
    assert found(index, "zebra") == ["a"]
    assert found(index, "red boat", matching_strategy="all") == []
    assert index.get_document("a") == {"id": "a", "text": "zebra"}
    assert done(client, index.delete_documents(["a", "nobody"])).status == "succeeded"
    with pytest.raises(MeilisearchApiError) as caught:
        index.get_document("a")
    assert caught.value.code == "document_not_found"
    done(client, index.delete_documents_by_filter("size > 8"))
    assert [row["id"] for row in index.get_documents(fields=["id"]).results] == ["c"]


def test_tasks_are_listed_newest_first(client: Client, index: Index) -> None:
    sent = [index.delete_documents([str(at)]).task_uid for at in range(3)]
    done(client, index.delete_documents(["x"]))
    listed = client.get_tasks(index_ids=[index.uid], types=["documentDeletion"], limit=2)
    assert [task.uid for task in listed.results][1] == sent[-1]
    assert (listed.total, listed.limit, listed.next) == (4, 2, sent[1])
    assert client.get_tasks(uids=sent, statuses=["failed", "canceled"]).results == []
