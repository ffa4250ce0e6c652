"""How Meilisearch is reached, what is asked of it, and answers that are none."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.corpus.store import Corpus
from retrieval.errors import EngineError
from retrieval.lexical.base import Question
from retrieval.lexical.facts import Fact, is_number, is_text, is_there, is_value
from retrieval.lexical.meilisearch.client import connect
from retrieval.lexical.meilisearch.entries import analysis
from retrieval.lexical.meilisearch.filters import expressions, namespace_key, term
from retrieval.lexical.meilisearch.projection import lexical_projection
from retrieval.lexical.meilisearch.searching import MeilisearchIndex
from retrieval.lexical.opening import open_text_engine, open_word_engine
from retrieval.query import Condition
from retrieval.settings import LibrarySettings, MeilisearchSettings
from tests.embedders import WordEmbedder
from tests.engines.guarded import guarded
from tests.engines.process import any_free_port
from tests.retrieval.building import make_chunk, store
from tests.retrieval.lexical.meilisearch.conftest import KEY, Double
from tests.retrieval.strategies import texts

SERVED = [pytest.mark.integration, pytest.mark.xdist_group("meilisearch")]


def settings_for(url: str, **more: object) -> MeilisearchSettings:
    return MeilisearchSettings.model_validate({"url": url} | more)


@pytest.mark.parametrize("url", ["one:7700", "http://user:word@one", "ftp://one", "http://"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        settings_for(url)


def test_a_missing_authority_is_named(tmp_path: Path) -> None:
    settings = settings_for("https://127.0.0.1:1", ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(EngineError, match=r"CA_FILE names .*none.pem, which cannot be used"):
        connect(settings, 1)


def test_an_address_where_nobody_is_is_told(boats: Corpus) -> None:
    settings = settings_for(f"http://127.0.0.1:{any_free_port()}")
    with (
        lexical_projection(boats, settings) as projection,
        pytest.raises(EngineError, match="meilisearch: MeilisearchCommunicationError"),
    ):
        projection.follow()


def test_two_engines_are_one_too_many(corpus: Corpus) -> None:
    given = {"elasticsearch": {"hosts": ["http://one:9200"]}, "meilisearch": {"url": "http://two"}}
    settings = LibrarySettings.model_validate({"profile": "cluster"} | given)
    for work in (lambda: open_text_engine(corpus, settings), lambda: open_word_engine(settings)):
        with pytest.raises(EngineError, match=r"HOSTS and PMOVES_MEILISEARCH__URL are both given"):
            work()
    embedded = settings.model_copy(update={"profile": "embedded"})
    assert open_text_engine(corpus, embedded) is None
    assert open_word_engine(embedded) is None


def test_words_are_as_the_language_has_them() -> None:
    text = "The Boats' Café, sailing_past 2026-031"
    assert analysis("english")(text) == ["boat", "cafe", "sail", "past", "2026", "031"]
    assert analysis("none")(text)[:3] == ["the", "boats", "café"]
    assert analysis("german")("Die Häuser") == analysis("german")("die HAUS")
    with pytest.raises(
        EngineError, match=r"LANGUAGE is klingon; use one of none, arabic, .*english"
    ):
        analysis("klingon")


@given(texts)
def test_no_operator_is_left_of_a_query(query: str) -> None:
    for word in analysis("english")(query):
        assert word.isalnum() or all(letter.isalpha() or letter.isalnum() for letter in word)
        assert not set(word) & set("\"-'()[]:*~^+")


PATH = ("metadata", 'odd "key]')


@given(texts)
def test_facts_are_short_and_of_plain_characters(value: str) -> None:
    for fact in (is_text(PATH, value), is_value(PATH, value), is_there((*PATH, value))):
        written = term(fact)
        assert len(written) <= 468
        assert written.isascii()
        assert written.isalnum()
        assert written == written.lower()
    (within,) = expressions((value,), None)
    assert within == f"namespace_key IN [{namespace_key(value)}]"


@given(st.lists(st.text(max_size=40), min_size=2, max_size=8))
def test_texts_are_written_in_their_order(values: list[str]) -> None:
    in_order = sorted(values, key=lambda text: text.encode("utf-8", "surrogatepass"))
    written = [term(is_text(("source",), value)) for value in in_order]
    assert written == sorted(written)


@given(st.lists(st.floats(allow_nan=False) | st.integers(), min_size=2, max_size=8))
def test_numbers_are_written_in_their_order(values: list[float]) -> None:
    facts: list[Fact] = [is_number(PATH, value) for value in sorted(values)]
    assert all(term(one) <= term(other) for one, other in pairwise(facts))


def test_filters_hold_nothing_of_a_request() -> None:
    odd = 'x\' OR "namespace_key" EXISTS'
    found = expressions(
        (odd,),
        {
            "metadata.a": Condition(gte=odd, lt=odd, ne=odd, exists=True),
            "source": [odd, "b"],
            "created_at": Condition(gt="2020-01-01", lte="2021-01-01", exists=False),
        },
    )
    assert not any("'" in part or '"' in part for part in found)
    assert any(part.startswith("NOT (facts IN [p") for part in found)
    assert "NOT (created_at EXISTS)" in found
    assert "created_at >= 1577836800000000" in found


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Serve the same answer to whatever is asked."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


HIT = {"content_hash": "f" * 64}
NONSENSE = [
    (200, b"<html>a proxy's page</html>"),
    (200, b"\xff\xfe"),
    (200, b"[]"),
    (200, b"{}"),
    (200, json.dumps({"hits": [HIT], "processingTimeMs": 1}).encode()),
    (200, json.dumps({"hits": 7, "processingTimeMs": 1}).encode()),
    (500, b"<html>broken</html>"),
    (503, b'{"message": "busy", "code": "too_many_search_requests"}'),
]


@pytest.mark.parametrize(("status", "body"), NONSENSE)
def test_nonsense_is_an_error_and_nothing_else(boats: Corpus, status: int, body: bytes) -> None:
    with answering(status, body) as url:
        index = MeilisearchIndex(settings_for(url))
        with pytest.raises(index.trouble) as caught:
            index.best(Question("boat", ("ns",), 3), 3)
        assert index.reason(caught.value)
        index.close()
        with (
            lexical_projection(boats, settings_for(url)) as projection,
            pytest.raises(EngineError, match="meilisearch: "),
        ):
            projection.follow()


class TestOfADouble:
    """With a double that asks for a key."""

    pytestmark = SERVED

    def test_the_key_is_used_and_a_wrong_one_is_told(self, engine: Double, boats: Corpus) -> None:
        with lexical_projection(boats, engine.settings()) as projection:
            assert projection.follow()
        for key, told in (("", "401: missing_authorization"), ("x", "403: invalid_api_key")):
            with (
                lexical_projection(boats, engine.settings(api_key=key)) as projection,
                pytest.raises(EngineError, match=f"meilisearch: status {told}"),
            ):
                projection.follow()

    def test_the_authority_is_used(self, engine: Double, boats: Corpus, tmp_path: Path) -> None:
        with guarded(engine.url, f"Bearer {KEY}", tmp_path) as url:
            known = engine.settings(url=url, ca_file=str(tmp_path / "ca.pem"))
            with lexical_projection(boats, known) as projection:
                assert projection.follow()
            with (
                lexical_projection(boats, engine.settings(url=url)) as projection,
                pytest.raises(EngineError, match=r"(?i)certificate"),
            ):
                projection.follow()

    def test_of_a_long_query_ten_words_count(
        self, engine: Double, corpus: Corpus, word_embedder: WordEmbedder
    ) -> None:
        numbers = [f"w{at}" for at in range(11)]
        store(corpus, word_embedder, [make_chunk(f"{word}-1", word) for word in numbers])
        store(corpus, word_embedder, [make_chunk("whole-1", " ".join(reversed(numbers)))])
        rows = corpus.dataset().to_table(["content_hash"], filter="chunk_id = 'whole-1'")
        with lexical_projection(corpus, engine.settings()) as projection:
            assert projection.follow()
        index = MeilisearchIndex(engine.settings())
        hits = index.best(Question(" ".join(numbers), ("ns",), 20), 20)
        index.close()
        assert len(hits) == 10 + 1
        assert [hits[0].content] == rows["content_hash"].to_pylist()
        assert hits[0].score > hits[1].score > 0
        assert all(hit.score <= 0.1 for hit in hits[1:])
