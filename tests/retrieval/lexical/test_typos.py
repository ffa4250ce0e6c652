"""Queries with typing errors, over the corpus's own index and over Elasticsearch."""

from typing import Any

import pytest

from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower
from retrieval.dense.snapshot import Snapshot
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.errors import StageError
from retrieval.lexical.base import Found, Question, TextEngine
from retrieval.lexical.spelling import corrected
from retrieval.lexical.typos import TypoTolerance
from retrieval.pipeline import Searcher
from retrieval.projection.following import Progress
from retrieval.settings import SearchSettings
from tests.embedders import WordEmbedder
from tests.retrieval.asking import ask as search
from tests.retrieval.asking import ids
from tests.retrieval.building import make_chunk, store
from tests.retrieval.lexical.backends import KINDS, Backend, ask, open_backend

PASSAGES = {
    "d-1": "The boundary layer of the laminar flow separates",
    "d-2": "Hardanger fiddle, recorded with a hydrophone",
    "d-3": "Музыкальный фестиваль у моря",
    "d-4": "Invoice INV-2026-031 for the Médiathèque",
    "d-5": "A strong storm tore the sails",
}


@pytest.fixture(params=KINDS)
def backend(request: pytest.FixtureRequest, corpus: Corpus, word_embedder: WordEmbedder) -> Backend:
    """Each backend over the passages above in `ns`, and one in a namespace of others."""
    chunks = [make_chunk(name, text) for name, text in PASSAGES.items()]
    store(corpus, word_embedder, [*chunks, make_chunk("x-1", "A secret expedition", "other")])
    return open_backend(request.param, corpus, request)


def read(typos: TypoTolerance, corpus: Corpus, query: str, *scope: str) -> dict[str, str]:
    follower = DenseFollower(corpus)
    try:
        snapshot, within = follower.refresh(), scope or ("ns",)
        words = typos.doubtful(query, within, snapshot.version)
        return typos.corrections(query, words, within, snapshot) if words else {}
    finally:
        follower.close(wait=True)


@pytest.mark.parametrize(
    ("query", "expected", "first"),
    [
        ("boundray layer", {"boundray": "boundary"}, "d-1"),
        ("laminra", {"laminra": "laminar"}, "d-1"),
        ("seperates", {"seperates": "separates"}, "d-1"),
        ("hardager fidle", {"hardager": "hardanger", "fidle": "fiddle"}, "d-2"),
        ("HYDROFONE!", {"hydrofone": "hydrophone"}, "d-2"),  # two letters
        ("фестивлаь", {"фестивлаь": "фестиваль"}, "d-3"),
        ("mediatheqeu", {"mediatheqeu": "médiathèque"}, "d-4"),
        ("saisl storm", {"saisl": "sails"}, "d-5"),
        ("recordign", {"recordign": "recording"}, "d-2"),  # of which only "recorded" is there
    ],
)
def test_a_word_that_is_not_there_is_read_as_the_nearest(
    backend: Backend, query: str, expected: dict[str, str], first: str
) -> None:
    assert read(TypoTolerance(), backend.corpus, query) == expected
    assert ask(backend, corrected(query, expected))[0] == first


@pytest.mark.parametrize(
    "query",
    [
        "boundary layers separating",  # there, with other endings
        "INV-2026-032 inv2026 d-1@example.org",
        "flwo",  # four letters
        "zebras",
        "xoundary",  # the first letter
        "the and of",
        "",
        "\x00 '; DROP TABLE chunks; -- ~2 \\ \"",
    ],
)
def test_other_queries_stay_as_they_are(backend: Backend, query: str) -> None:
    assert read(TypoTolerance(), backend.corpus, query) == {}


def test_words_of_other_namespaces_are_not_there(backend: Backend) -> None:
    typos = TypoTolerance()
    assert read(typos, backend.corpus, "expediton") == {}
    assert read(typos, backend.corpus, "expediton", "other") == {"expediton": "expedition"}
    assert read(typos, backend.corpus, "expediton", "ns", "other") == {"expediton": "expedition"}
    assert read(typos, backend.corpus, "expediton", "nobody") == {}
    # A word that only others use is an error here.
    store(backend.corpus, WordEmbedder(), [make_chunk("x-2", "boundray", "other")])
    assert read(typos, backend.corpus, "boundray") == {"boundray": "boundary"}
    assert read(typos, backend.corpus, "boundray", "other") == {}


def test_what_is_known_is_not_asked_again(backend: Backend) -> None:
    typos, scope = TypoTolerance(), ("ns",)
    version = backend.corpus.version
    asked = "boundary layer zebras fidle"
    assert typos.doubtful(asked, scope, version) == ["boundary", "layer", "zebras", "fidle"]
    read(typos, backend.corpus, asked)
    assert typos.doubtful(asked, scope, version) == ["fidle"]
    # A new version may have what nothing was near to.
    store(backend.corpus, WordEmbedder(), [make_chunk("e-1", "zebra")])
    version = backend.corpus.version
    assert typos.doubtful(asked, scope, version) == ["zebras", "fidle"]
    assert read(typos, backend.corpus, asked) == {"fidle": "fiddle"}
    assert typos.doubtful(asked, scope, version) == ["fidle"]
    assert typos.doubtful(asked, ("other",), version) != []


def test_a_query_is_read_once_for_each_version_and_scope(backend: Backend) -> None:
    typos, version = TypoTolerance(), backend.corpus.version
    assert typos.remembered("boundray layer", ("ns",), version) is None
    read(typos, backend.corpus, "boundray layer")
    assert typos.remembered("boundray layer", ("ns",), version) == {"boundray": "boundary"}
    assert typos.remembered("boundray layer", ("ns", "other"), version) is None
    assert typos.remembered("boundray", ("ns",), version) is None
    store(backend.corpus, WordEmbedder(), [make_chunk("e-1", "boundray")])
    assert typos.remembered("boundray layer", ("ns",), backend.corpus.version) is None
    assert read(typos, backend.corpus, "boundray layer") == {}


def test_pasted_text_is_searched_as_it_is(backend: Backend) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    many = " ".join(f"boundray{one}{two}" for one in letters[:9] for two in letters[:9])
    assert TypoTolerance().doubtful(many, ("ns",), 1) == []


def test_the_other_words_decide_which_is_meant(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    texts = ["violet stamps for a letter", "five stamps", "a swamp with mosquitoes", "steams"]
    chunks = [make_chunk(f"d{at}-1", text) for at, text in enumerate(texts)]
    store(corpus, word_embedder, chunks)
    assert read(TypoTolerance(), corpus, "violet stamsp") == {"stamsp": "stamps"}
    # One of the same letters before one with others.
    store(corpus, word_embedder, [make_chunk("e-1", "the cause of a noise")])
    assert read(TypoTolerance(), corpus, "noies") == {"noies": "noise"}


async def answers(
    corpus: Corpus, settings: SearchSettings, engine: TextEngine | None = None, **fields: Any
) -> Any:
    embedder = BatchingEmbedder(WordEmbedder())
    searcher = Searcher(corpus, embedder, settings, engine=engine)
    try:
        return await search(searcher, fields.pop("query"), **fields)
    finally:
        searcher.close(wait=True)
        embedder.close(wait=True)


async def test_an_answer_says_what_was_read(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    store(corpus, word_embedder, [make_chunk(name, text) for name, text in PASSAGES.items()])
    settings = SearchSettings()
    asked: dict[str, Any] = {"mode": "lexical", "explain": True}
    found = await answers(corpus, settings, query="Hardager fidle!", **asked)
    right = await answers(corpus, settings, query="hardanger fiddle!", **asked)
    assert found.corrections == {"hardager": "hardanger", "fidle": "fiddle"}
    assert (found.degraded, ids(found)) == ([], ["d-2"])
    assert (right.corrections, right.hits) == ({}, found.hits)
    assert found.timings_ms.keys() == right.timings_ms.keys()


async def test_the_dense_side_takes_the_query_as_it_is(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    store(corpus, word_embedder, [make_chunk(name, text) for name, text in PASSAGES.items()])
    settings = SearchSettings()
    dense = await answers(corpus, settings, query="hardager fidle", mode="dense", explain=True)
    hybrid = await answers(corpus, settings, query="hardager fidle", explain=True)
    assert (dense.corrections, "spell" in dense.timings_ms) == ({}, False)
    assert hybrid.corrections == {"hardager": "hardanger", "fidle": "fiddle"}
    scores = [
        {hit.chunk_id: hit.explain.dense.score for hit in each.hits} for each in (dense, hybrid)
    ]
    assert scores[0] == pytest.approx(scores[1])
    by_words = [hit.chunk_id for hit in hybrid.hits if hit.explain.lexical.score]
    assert by_words == ["d-2"]


async def test_it_can_be_turned_off(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    store(corpus, word_embedder, [make_chunk(name, text) for name, text in PASSAGES.items()])
    off = SearchSettings(typo_tolerance=False)
    asked: dict[str, Any] = {"query": "fidle", "mode": "lexical"}
    assert (await answers(corpus, off, **asked)).hits == []
    assert (await answers(corpus, off, **asked, typo_tolerance=True)).k == 1
    assert (await answers(corpus, SearchSettings(), **asked, typo_tolerance=False)).hits == []


async def test_an_index_that_fails_leaves_the_query_as_it_is(
    corpus: Corpus, word_embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(corpus, word_embedder, [make_chunk(name, text) for name, text in PASSAGES.items()])

    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError("the index is gone")

    monkeypatch.setattr("retrieval.lexical.typos.search_text", fail)
    found = await answers(corpus, SearchSettings(), query="hardager fiddle")
    assert (found.corrections, ids(found)[0]) == ({}, "d-2")


class NotingEngine:
    """Notes what it is asked, and leaves the answer to the corpus."""

    name = "noting"
    available = True
    progress = Progress()

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def search(self, question: Question, snapshot: Snapshot, limit_s: float) -> Found:
        """Note the query."""
        self.asked.append(question.query)
        raise StageError("only noted")

    def doubt(self) -> None:
        """Take notice of nothing."""

    def close(self) -> None:
        """End nothing."""


async def test_an_engine_is_asked_the_corrected_query(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    store(corpus, word_embedder, [make_chunk(name, text) for name, text in PASSAGES.items()])
    engine = NotingEngine()
    found = await answers(corpus, SearchSettings(), engine, query="fidle", mode="lexical")
    assert (ids(found), engine.asked) == (["d-2"], ["fiddle"])
