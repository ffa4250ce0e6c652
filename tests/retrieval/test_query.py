from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from retrieval.query import Condition, SearchRequest


def errors(**fields: Any) -> list[tuple[str, str]]:
    """Return field and message of everything that is wrong with a request."""
    with pytest.raises(ValidationError) as refused:
        SearchRequest.model_validate({"query": "boat"} | fields)
    return [
        (".".join(map(str, error["loc"])), error["msg"])
        for error in refused.value.errors(include_url=False)
    ]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("query", "", "at least 1 character"),
        ("query", "x" * 8193, "at most 8192 characters"),
        ("query", "\ud800", "string"),
        ("k", 0, "greater than or equal to 1"),
        ("k", 201, "less than or equal to 200"),
        ("k", "many", "valid integer"),
        ("alpha", -0.1, "greater than or equal to 0"),
        ("alpha", 1.1, "less than or equal to 1"),
        ("alpha", float("nan"), "finite number"),
        ("fusion", "best", "'convex', 'rrf' or 'dbsf'"),
        ("mode", "both", "'hybrid', 'dense' or 'lexical'"),
        ("namespace", "", "should match pattern"),
        ("namespace", "a b", "should match pattern"),
        ("namespace", "ns\n", "should match pattern"),
        ("namespace", "../x", "should match pattern"),
        ("namespace", "n" * 129, "at most 128 characters"),
        ("namespaces", [], "at least 1 item"),
        ("namespaces", ["n"] * 65, "at most 64 items"),
        ("rerank_topn", 0, "greater than or equal to 1"),
        ("rerank_fusion", "sum", "'mul' or 'wsum'"),
        ("min_index_version", -1, "greater than or equal to 0"),
        ("timeout_ms", 0, "greater than or equal to 1"),
        ("timeout_ms", 300_001, "less than or equal to 300000"),
        ("filters", {f"metadata.{at}": 1 for at in range(65)}, "at most 64 items"),
        ("top_k", 5, "Extra inputs are not permitted"),
    ],
)
def test_what_is_out_of_range_is_named_with_its_range(
    field: str, value: object, message: str
) -> None:
    ((where, what),) = errors(**{field: value})
    assert where == field
    assert message in what


def test_every_wrong_field_is_named_at_once() -> None:
    assert {where for where, _ in errors(k=0, alpha=2, mode="x")} == {"k", "alpha", "mode"}


@pytest.mark.parametrize("query", [" ", "\n\t", "\u2003"])
def test_a_blank_query_is_refused(query: str) -> None:
    ((_, message),) = errors(query=query)
    assert "query: holds only white space" in message


@pytest.mark.parametrize("value", [["x"] * 1_001, {"like": "x"}, {"gte": [1]}, None, [["x"]]])
def test_unfit_filter_values_are_refused_under_their_field(value: object) -> None:
    found = errors(filters={"doc_id": value})
    assert all(where.startswith("filters.doc_id") for where, _ in found)


@pytest.mark.parametrize("value", ["x", 1, 1.5, True, ["x", 1, False], {"gte": 1, "ne": "x"}])
def test_filter_values_keep_their_type(value: Any) -> None:
    request = SearchRequest(query="boat", filters={"metadata.a": value})
    assert request.filters is not None
    found = request.filters["metadata.a"]
    expected = Condition(**value) if isinstance(value, dict) else value
    assert found == expected
    assert type(found) is type(expected)


def test_defaults_leave_the_choice_to_the_settings() -> None:
    request = SearchRequest(query="boat")
    assert (request.k, request.mode, request.scope) == (10, "hybrid", ("pmoves",))
    assert (request.alpha, request.fusion, request.timeout_ms) == (None, None, None)


@given(st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}", fullmatch=True), min_size=1))
def test_the_scope_has_every_namespace_once_in_order(names: list[str]) -> None:
    request = SearchRequest(query="boat", namespace="unused", namespaces=names[:64])
    assert list(request.scope) == list(dict.fromkeys(names[:64]))


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip))
def test_any_text_is_a_query(query: str) -> None:
    assert SearchRequest(query=query).query == query
