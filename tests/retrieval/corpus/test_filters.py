from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrieval.chunk import Chunk, JsonValue
from retrieval.corpus.filters import (
    RowTest,
    documents_predicate,
    filters_predicate,
    namespaces_predicate,
    quote,
)
from retrieval.corpus.schema import row_to_chunk
from retrieval.corpus.store import Corpus
from retrieval.errors import FilterError, InvalidInputError
from retrieval.matching import FilterCache
from retrieval.query import Condition, Filters
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store
from tests.retrieval.corpus.evaluation import matches
from tests.retrieval.strategies import texts

TEXTS = [
    "rock", "rock n roll", "rock!", "Rock", "", "1", "true", "null", "it's", 'a "b"', "a\\b", "é",
    "😀", "\x00", "\n", "\b\f\t", "\x1b", "\x7f", "\u2028", "a/b", "2026-01-31", "2026-01-31 12:00",
]  # fmt: skip
VALUES: list[JsonValue] = [
    *TEXTS, 0, 1, 2, -1, 1.5, 1e300, 2**40, True, False, None,
    ["rock", "1"], [1, 2], [True], [], [{"b": "rock"}], [[1]],
    {"b": "rock"}, {"b": {"c": 7}}, {"b": None},
]  # fmt: skip
OTHER = "other"
Rows = list[tuple[Chunk, datetime]]
Ask = Callable[[Filters], set[str]]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, word_embedder: WordEmbedder) -> Corpus:
    """Every value twice under `metadata.a`, and the same rows in a namespace of others."""
    corpus = Corpus.open(str(tmp_path_factory.mktemp("filters")), word_embedder.identity)
    for namespace in ("ns", OTHER):
        store(
            corpus,
            word_embedder,
            [
                make_chunk(f"d'{at % 5}-{at}{twin}", "text", namespace, a=value, n=at)
                for at, value in enumerate(VALUES)
                for twin in "ab"
            ]
            + [make_chunk(f"none-{twin}", "text", namespace) for twin in "ab"],
        )
    return corpus


@pytest.fixture(scope="module")
def rows(library: Corpus) -> Rows:
    """The chunks of `ns` with the moments of their storing."""
    table = library.dataset().to_table(filter="namespace = 'ns'")
    return [(row_to_chunk(row), row["created_at"]) for row in table.to_pylist()]


@pytest.fixture(scope="module", params=["row by row", "by their values"])
def ask(library: Corpus, request: pytest.FixtureRequest) -> Ask:
    """Returns the chunk ids that a filter finds in `ns`; fails if it finds any other row."""
    dataset, columns = library.dataset(), ["namespace", "chunk_id"]
    cache = FilterCache(least_rows=1)

    def scanned(filters: Filters) -> pa.Table:
        predicate = filters_predicate(filters)
        scope = namespaces_predicate(["ns"])
        return dataset.to_table(
            columns=columns, filter=f"{scope} AND ({predicate})" if predicate else scope
        )

    def remembered(filters: Filters) -> pa.Table:
        addresses = cache.rows(dataset, RowTest.of(["ns"], filters))
        return dataset._take_rows(addresses.tolist(), columns=columns)

    def found(filters: Filters) -> set[str]:
        table = scanned(filters) if request.param == "row by row" else remembered(filters)
        assert set(table["namespace"].to_pylist()) <= {"ns"}
        return set(table["chunk_id"].to_pylist())

    return found


scalars = st.sampled_from([value for value in VALUES if isinstance(value, str | int | float)])
comparable = scalars.filter(lambda value: not isinstance(value, bool))
moments = st.integers(-2, 2).map(
    lambda days: (datetime.now(UTC) + timedelta(days=days)).isoformat()
)
strings = scalars.filter(lambda value: isinstance(value, str)) | st.sampled_from(
    ["d'1", "file:///d'2", "text/plain"]
)


def conditions(limits: st.SearchStrategy[Any], any_value: st.SearchStrategy[Any]) -> Any:
    optional = st.none() | limits
    return st.builds(
        Condition, gte=optional, lte=optional, gt=optional, lt=optional,
        ne=st.none() | any_value, exists=st.none() | st.booleans(),
    ).filter(lambda made: made != Condition())  # fmt: skip


def requirement(limits: st.SearchStrategy[Any], any_value: st.SearchStrategy[Any]) -> Any:
    several = st.lists(any_value, min_size=1, max_size=3)
    return any_value | several | conditions(limits, any_value)


filters = st.fixed_dictionaries(
    {},
    optional={
        "doc_id": requirement(strings, strings),
        "source": requirement(strings, strings),
        "media_type": requirement(strings, strings),
        "created_at": requirement(moments, moments),
        "metadata.a": requirement(comparable, scalars),
        "metadata.a.b": requirement(comparable, scalars),
        "metadata.a.b.c": requirement(comparable, scalars),
        "metadata.n": requirement(st.integers(-1, 40), st.integers(-1, 40)),
        "metadata.nothing": requirement(comparable, scalars),
    },
).filter(bool)


@given(filters)
@example({"metadata.a": Condition(gte="2026-01-31")})
@example({"metadata.a": Condition(gt="rock", lt="rock~")})
def test_a_filter_means_what_it_means_in_python(ask: Ask, rows: Rows, wanted: Filters) -> None:
    expected = {chunk.chunk_id for chunk, moment in rows if matches(chunk, moment, wanted)}
    assert ask(wanted) == expected


FIELDS = st.sampled_from(["doc_id", "source", "media_type", "created_at", "metadata.a"])
ATTACKS = st.sampled_from(
    [
        "' OR '1'='1", "') OR (namespace = 'other", "x' OR namespace = 'other' --", "\\' OR 1=1 --",
        "'; DROP TABLE chunks; --", "' UNION SELECT 1 --", "/*", "*/", "$1", "?", "%", "{}",
        "\x00' OR true", "\ud800",
    ]
)  # fmt: skip


@given(st.dictionaries(FIELDS, texts | ATTACKS, min_size=1, max_size=3))
def test_values_are_data(ask: Ask, rows: Rows, values: dict[str, str]) -> None:
    shapes: list[Filters] = [
        dict(values.items()),
        {name: [value, value] for name, value in values.items()},
        {name: Condition(ne=value, gte=value) for name, value in values.items()},
    ]
    for shape in shapes:
        with suppress(FilterError):
            found = ask(shape)
            assert found == {chunk.chunk_id for chunk, at in rows if matches(chunk, at, shape)}


@given(st.lists(texts | ATTACKS, min_size=1, max_size=3).map(".".join))
def test_keys_are_data(ask: Ask, path: str) -> None:
    with suppress(FilterError):
        assert ask({f"metadata.{path}": "rock"}) <= ask({"metadata.a": "rock"})


@given(texts)
def test_only_known_fields_can_be_named(name: str) -> None:
    with pytest.raises(FilterError, match="unknown field; use one of created_at, doc_id"):
        filters_predicate({f"x{name}": "value"})


def test_nothing_to_filter_is_no_predicate() -> None:
    assert filters_predicate(None) is None
    assert filters_predicate({}) is None


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"doc_id": 5}, "filters.doc_id: 5 is not text; give a string"),
        ({"doc_id": []}, "filters.doc_id: the list of values is empty"),
        ({"doc_id": Condition()}, "filters.doc_id: no comparison given; use gte"),
        ({"created_at": "yesterday"}, "'yesterday' is not a time; give ISO 8601, such as 2026-"),
        ({"created_at": 5}, "filters.created_at: 5 is not a time"),
        ({"metadata.a": float("nan")}, "filters.metadata.a: nan is not a number"),
        ({"metadata.a": 10**400}, "filters.metadata.a: the number is beyond 64 bits"),
        ({"metadata.a": Condition(gte=True)}, "filters.metadata.a: True has no order"),
        ({"metadata.": "x"}, "a key may hold letters"),
        ({"metadata.a\n": "x"}, "a key may hold letters"),
        ({'metadata.a"': "x"}, "a key may hold letters"),
        ({"metadata.a": "\ud800"}, "filters.metadata.a: '\\ud800' is not valid"),
        ({"source": "\ud800"}, "filters.source: '\\ud800' is not valid Unicode text"),
    ],
)
def test_unfit_filters_are_refused_by_name(filters: Filters, message: str) -> None:
    with pytest.raises(FilterError) as refused:
        filters_predicate(filters)
    assert message in str(refused.value)


def test_times_without_a_zone_are_utc_and_others_are_converted(ask: Ask, rows: Rows) -> None:
    moment = rows[0][1].astimezone(timezone(timedelta(hours=5)))
    naive = rows[0][1].astimezone(UTC).replace(tzinfo=None)
    assert ask({"created_at": moment.isoformat()}) == ask({"created_at": naive.isoformat()})
    assert rows[0][0].chunk_id in ask({"created_at": moment.isoformat()})


def test_a_long_list_of_values_is_quick_to_ask(ask: Ask) -> None:
    ids = [f"d{at}" for at in range(20_000)]
    assert ask({"doc_id": [*ids, "d'1"]}) == ask({"doc_id": "d'1"}) != set()


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=4))
def test_documents_and_namespaces_are_data_too(
    library: Corpus, keys: list[tuple[str, str]]
) -> None:
    dataset = library.dataset()
    assert dataset.count_rows(filter=documents_predicate(keys)) == 0
    assert dataset.count_rows(filter=namespaces_predicate([name for name, _ in keys])) == 0


def test_no_document_is_no_row(library: Corpus) -> None:
    assert library.dataset().count_rows(filter=documents_predicate([])) == 0


def test_quote_doubles_quotes_only() -> None:
    assert quote("it's \\") == "'it''s \\'"


def test_text_that_is_not_unicode_cannot_be_quoted() -> None:
    with pytest.raises(InvalidInputError, match="not valid Unicode"):
        quote("\ud800")
