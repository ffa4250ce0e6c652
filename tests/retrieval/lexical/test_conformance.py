"""What holds of every way of finding words: the corpus's own index, and Elasticsearch."""

import dataclasses
import random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrieval.chunk import JsonValue
from retrieval.corpus.store import Corpus
from retrieval.errors import FilterError
from retrieval.query import Condition, Filters
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store
from tests.retrieval.lexical.backends import KINDS, Backend, CorpusBackend, ask, open_backend
from tests.retrieval.strategies import texts

PASSAGES = {
    "d-1": "The boats were sailing past the lighthouse at night",
    "d-2": "A boat, a rope and a lamp",
    "d-3": "Café owners serve coffee to the sailors' daughters",
    "d-4": "Invoice INV-2026-031 for the harbour lamp",
    "d-5": "The and of to in",
}


@pytest.fixture(params=KINDS)
def backend(request: pytest.FixtureRequest, corpus: Corpus) -> Backend:
    """Each backend over an empty corpus."""
    return open_backend(request.param, corpus, request)


@pytest.fixture
def library(backend: Backend, word_embedder: WordEmbedder) -> Backend:
    """The passages above in `ns`, and one in a namespace of others."""
    chunks = [make_chunk(name, text, size=len(text)) for name, text in PASSAGES.items()]
    store(backend.corpus, word_embedder, [*chunks, make_chunk("x-1", "boats of others", "other")])
    return backend


@pytest.fixture(scope="module", params=KINDS)
def asked(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    word_embedder: WordEmbedder,
) -> Backend:
    """Each backend over the same passages, which odd queries are put to."""
    corpus = Corpus.open(str(tmp_path_factory.mktemp("odd")), word_embedder.identity)
    store(corpus, word_embedder, [make_chunk(name, text) for name, text in PASSAGES.items()])
    store(corpus, word_embedder, [make_chunk("x-1", "boats of others", "other")])
    return open_backend(request.param, corpus, request)


OPERATORS = [
    "'", '"', '"boat', "boat AND", "OR", "NOT boat", "+boat -rope", "boat~2", "boat^5", "(boat",
    "[boat TO rope]", "namespace:other", "boat*", "bo?t", "\\", "%", "{}", "/boat/", "<boat>",
    "' OR '1'='1", "'; DROP TABLE chunks; --", "x') OR namespace = 'other' --",
]  # fmt: skip
ODD = [
    *OPERATORS, "", " ", "the", "the and of", "\x00", "boat\x00", "\u202eboat",
    "é" * 100, "a" * 8192, "boat " * 1638, "😀" * 8192,
]  # fmt: skip


@pytest.mark.parametrize("query", ODD)
def test_odd_queries_are_answered_and_stay_in_their_namespace(asked: Backend, query: str) -> None:
    assert set(ask(asked, query)) <= set(PASSAGES)


@given(texts | st.lists(st.sampled_from([*OPERATORS, "boat"]), max_size=6).map(" ".join))
@example("boat \\ \" ' ( ] }")
def test_any_text_is_a_query(asked: Backend, query: str) -> None:
    assert set(ask(asked, query)) <= set(PASSAGES)


@pytest.mark.parametrize(
    "query", ['"boat"', "boat AND zebra", "NOT boat", "-boat", "boat^0", "(boat)", "boat:*"]
)
def test_operators_are_words_like_any_others(asked: Backend, query: str) -> None:
    assert set(ask(asked, query)) == {"d-1", "d-2"}


@pytest.mark.parametrize("query", ["the", "of and to in", "😀", "", "zebra", "?!"])
def test_nothing_to_look_for_finds_nothing(asked: Backend, query: str) -> None:
    assert ask(asked, query) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("boat", {"d-1", "d-2"}),
        ("BOATS", {"d-1", "d-2"}),
        ("sail", {"d-1"}),
        ("sailed", {"d-1"}),
        ("cafe", {"d-3"}),
        ("daughter", {"d-3"}),
        ("INV-2026-031", {"d-4"}),
        ("inv 2026 031", {"d-4"}),
        ("lamps", {"d-2", "d-4"}),
    ],
)
def test_english_analysis(asked: Backend, query: str, expected: set[str]) -> None:
    assert set(ask(asked, query)) == expected


# Words that a question is made of, and some that only look like them.
SMALL_WORDS = (
    "how do i what does did when where who whom why which while about after before during "
    "between both each few more most other own same so than too very can will just should now "
    "am being having him herself yourself under until up down over again further once here "
    "could would may might must many much any none also yet well us one two first whose"
)


def test_the_same_small_words_count(backend: Backend, word_embedder: WordEmbedder) -> None:
    chunks = [make_chunk(f"{word}-1", f"{word} boat") for word in SMALL_WORDS.split()]
    store(backend.corpus, word_embedder, chunks)
    own = CorpusBackend(backend.corpus)
    counted = [word for word in SMALL_WORDS.split() if ask(own, word)]
    assert 10 < len(counted) < len(SMALL_WORDS.split()) - 10
    assert [word for word in SMALL_WORDS.split() if ask(backend, word)] == counted


def test_one_word_of_the_query_is_enough_and_more_are_better(asked: Backend) -> None:
    assert ask(asked, "zebra rope boat")[0] == "d-2"
    assert set(ask(asked, "zebra rope boat")) == {"d-1", "d-2"}


def test_namespaces_are_a_wall(library: Backend) -> None:
    assert ask(library, "boats", "other") == ["x-1"]
    assert set(ask(library, "boats", "ns", "other")) == {"d-1", "d-2", "x-1"}
    assert ask(library, "boats", "nobody's") == []


def test_a_wall_also_for_the_first_k(backend: Backend, word_embedder: WordEmbedder) -> None:
    others = [make_chunk(f"o-{at}", "boat boat boat", "other") for at in range(50)]
    store(backend.corpus, word_embedder, [*others, make_chunk("d-1", "one boat among many words")])
    assert ask(backend, "boat", k=3) == ["d-1"]


def test_k_bounds_the_answer(library: Backend) -> None:
    assert len(ask(library, "boat lamp coffee", k=2)) == 2


def test_deleted_passages_are_gone_at_once(library: Backend, word_embedder: WordEmbedder) -> None:
    chunks = [make_chunk("d-2", PASSAGES["d-2"])]
    store(library.corpus, word_embedder, chunks, replace=True)
    assert ask(library, "boat") == ["d-2"]
    library.corpus.delete_document("ns", "d")
    assert ask(library, "boat") == []


def test_new_and_changed_passages_are_found_at_once(
    library: Backend, word_embedder: WordEmbedder
) -> None:
    store(library.corpus, word_embedder, [make_chunk("e-1", "zebra")])
    store(library.corpus, word_embedder, [make_chunk("d-1", "giraffe")])
    assert ask(library, "zebra giraffe boat") != []
    assert ask(library, "zebra") == ["e-1"]
    assert ask(library, "giraffe") == ["d-1"]
    assert ask(library, "sailing") == []
    library.corpus.optimize()
    assert ask(library, "zebra") == ["e-1"]
    assert ask(library, "boat") == ["d-2"]


def test_the_context_is_searched_too(backend: Backend) -> None:
    chunk = make_chunk("d-1", "text")
    embedder = WordEmbedder()
    with_context = type(chunk)("ns", "d", "d-2", "text", context="Lighthouse handbook")
    store(backend.corpus, embedder, [chunk, with_context])
    assert ask(backend, "lighthouse") == ["d-2"]


def test_an_empty_corpus_finds_nothing(backend: Backend) -> None:
    assert ask(backend, "boat") == []


def test_filters_work_inside_the_search(backend: Backend, word_embedder: WordEmbedder) -> None:
    many = [make_chunk(f"m-{at}", "boat boat", kind="many") for at in range(50)]
    few = [make_chunk(f"f-{at}", "a boat in a long line of words", kind="few") for at in range(3)]
    foreign = [make_chunk(f"o-{at}", "boat boat", "other", kind="few") for at in range(9)]
    store(backend.corpus, word_embedder, [*many, *few, *foreign])
    assert set(ask(backend, "boat", k=3, filters={"metadata.kind": "few"})) == {"f-0", "f-1", "f-2"}
    assert ask(backend, "boat", k=3, filters={"doc_id": "none"}) == []


def test_equal_passages_come_in_the_same_order_every_time(
    backend: Backend, word_embedder: WordEmbedder
) -> None:
    names = [f"d{at:02}-1" for at in range(30)]
    store(backend.corpus, word_embedder, [make_chunk(name, "boat") for name in names])
    first = ask(backend, "boat", k=10)
    assert len(set(first)) == 10
    assert ask(backend, "boat", k=10) == first
    assert set(first) <= set(ask(backend, "boat", k=30)) == set(names)


def test_ids_of_any_length_and_kind(backend: Backend, word_embedder: WordEmbedder) -> None:
    names = ["x" * 40_000, "a/b", "\x00", "😀", " ", "a-1", "é'\"\\"]
    chunks = [make_chunk(name, f"boat {at}", doc_id=name) for at, name in enumerate(names)]
    store(backend.corpus, word_embedder, chunks)
    assert set(ask(backend, "boat")) == set(names)
    assert ask(backend, "boat", filters={"doc_id": names[0]}) == [names[0]]
    backend.corpus.delete_document("ns", names[0])
    assert set(ask(backend, "boat")) == set(names[1:])


VALUES: list[JsonValue] = [
    "rock", "rock n roll", "Rock", "", "1", "true", "null", "it's", 'a "b"', "a\\b", "é", "😀",
    "\n", "x" * 40_000, "x" * 3_000 + "y", 0, 1, 2, -1, -0.0, 1.5, -1e300, 2**40, 2**63, True,
    False, None, ["rock", "1"], [1, 2], [True], [], {"b": "rock"}, {"b": {"c": 7}}, {"b": None},
    [{"b": 1}],
]  # fmt: skip
FIELDS = ["metadata.a", "metadata.a.b", "metadata.a.b.c", "metadata.n", "metadata.x", "source"]


def random_filter(dice: random.Random) -> Filters:
    plain = [value for value in VALUES if isinstance(value, str | int | float)]
    ordered = [value for value in plain if not isinstance(value, bool)]
    field = dice.choice(FIELDS)
    operator = dice.choice(["is", "in", "gte", "lte", "gt", "lt", "ne", "exists"])
    if operator == "is":
        return {field: dice.choice(plain)}
    if operator == "in":
        return {field: dice.sample(plain, 3)}
    if operator == "exists":
        return {field: Condition(exists=dice.random() < 0.5)}
    given: dict[str, Any] = {operator: dice.choice(plain if operator == "ne" else ordered)}
    return {field: Condition(**given)}


def test_all_backends_understand_filters_alike(
    backend: Backend, word_embedder: WordEmbedder
) -> None:
    chunks = [
        dataclasses.replace(
            make_chunk(f"d{at}-1", "boat"), metadata={"a": value, "n": at, 'odd key]"': 1, "": 2}
        )
        for at, value in enumerate(VALUES)
    ]
    store(backend.corpus, word_embedder, [*chunks, make_chunk("none-1", "boat")])
    own, dice, tried = CorpusBackend(backend.corpus), random.Random(5), 0
    for _ in range(200):
        filters = random_filter(dice)
        try:
            expected = set(ask(own, "boat", k=100, filters=filters))
        except FilterError:
            continue
        tried += 1
        assert set(ask(backend, "boat", k=100, filters=filters)) == expected, filters
    assert tried > 100


def test_times_are_filtered(backend: Backend, word_embedder: WordEmbedder) -> None:
    store(backend.corpus, word_embedder, [make_chunk("a-1", "boat")])
    moment = backend.corpus.dataset().to_table(columns=["created_at"])["created_at"][0].as_py()
    exact = moment.isoformat()
    found: list[Filters] = [
        {"created_at": exact},
        {"created_at": Condition(gte=exact, lte=exact)},
        {"created_at": Condition(gt="2020-01-01", ne="2021-01-01")},
        {"created_at": Condition(exists=True)},
    ]
    missed: list[Filters] = [
        {"created_at": Condition(gt=exact)},
        {"created_at": Condition(ne=exact)},
        {"created_at": Condition(exists=False)},
    ]
    assert [ask(backend, "boat", filters=filters) for filters in found] == [["a-1"]] * 4
    assert [ask(backend, "boat", filters=filters) for filters in missed] == [[]] * 3
