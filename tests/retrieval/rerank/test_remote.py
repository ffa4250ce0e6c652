"""Servers that refuse, fail, or answer with what is no answer."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from retrieval.errors import InvalidInputError, OverloadedError, StageError
from retrieval.rerank.dialects import DIALECTS
from retrieval.rerank.remote import HttpReranker
from retrieval.settings import RerankSettings
from tests.retrieval.rerank.server import RerankServer, overlap

URL = "http://reranker.test"


def settings(provider: str = "cohere", **fields: Any) -> RerankSettings:
    return RerankSettings.model_validate({"provider": provider, "url": URL, "model": "m"} | fields)


def answering(answer: Callable[[httpx.Request], httpx.Response], **fields: Any) -> HttpReranker:
    """Return a client of a server that answers like this."""
    return HttpReranker(settings(**fields), httpx.MockTransport(answer))


def ask(reranker: HttpReranker, *passages: str) -> list[float]:
    """Return the scores of `passages` for one query."""
    scores: list[float] = asyncio.run(reranker.score("red sail", passages)).tolist()
    return scores


@pytest.mark.parametrize("provider", DIALECTS)
def test_the_server_is_asked_at_its_path_with_its_key(provider: str) -> None:
    server = RerankServer(key="k-1")
    asked = settings(provider, api_key="k-1")
    assert ask(HttpReranker(asked, server.transport()), "red", "sail red") == [0.5, 1.0]
    ((path, body),) = server.requests
    assert path == DIALECTS[provider].path.format(function="hi_rag_rerank")
    assert body.get("model", "m") == "m"
    whole = settings(provider, api_key="k-1", url=URL + path)
    assert ask(HttpReranker(whole, server.transport()), "red") == [0.5]
    with pytest.raises(StageError, match="401"):
        ask(HttpReranker(settings(provider), server.transport()), "red")


def test_the_function_of_tensorzero_may_answer_with_data() -> None:
    server = RerankServer()
    reranker = HttpReranker(settings("tensorzero", function="other"), server.transport())
    assert ask(reranker, "red", "no") == [0.5, 0.0]


def test_more_than_a_server_takes_is_asked_in_parts() -> None:
    server = RerankServer()
    passages = [f"red {at}" for at in range(70)]
    scores = ask(HttpReranker(settings("tei"), server.transport()), *passages)
    assert scores == [overlap("red sail", passage) for passage in passages]
    assert sorted(len(body["texts"]) for _, body in server.requests) == [6, 32, 32]


def test_logits_become_probabilities_where_they_are_announced() -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"scores": [0.0, 1e9, -1e9]})

    found = ask(answering(answer, provider="tensorzero", scores="logit"), "a", "b", "c")
    assert found == pytest.approx([0.5, 1.0, 0.0])
    with pytest.raises(StageError, match=r"outside 0 to 1 .* rerank\.scores to 'logit'"):
        ask(answering(answer, provider="tensorzero"), "a", "b", "c")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"results": [{"index": 0, "relevance_score": 0.5}]}, "1 scores for 2"),
        ({"results": [{"index": 0, "score": 0.5}, {"index": 0, "score": 0.4}]}, "wrong index"),
        ({"results": [{"index": 0, "score": 0.5}, {"index": 2, "score": 0.4}]}, "wrong index"),
        ({"scores": [0.5, None]}, "no number as score 1"),
        ({"scores": [0.5, True]}, "no number as score 1"),
        ({"error": "model not found"}, "without results, scores or data"),
        ("nothing", "without results, scores or data"),
    ],
)
def test_answers_that_are_none_are_refused(content: object, message: str) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=content)

    with pytest.raises(StageError, match=message):
        ask(answering(answer), "a", "b")


def test_a_server_that_fails_is_named() -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(StageError, match=r"reranker\.test/v2/rerank does not answer: ConnectError"):
        ask(answering(refuse), "a")
    with pytest.raises(StageError, match="something else than JSON"):
        ask(answering(lambda _request: httpx.Response(200, text="<html>")), "a")
    with pytest.raises(StageError, match="500"):
        ask(answering(lambda _request: httpx.Response(500, text="broken")), "a")
    with pytest.raises(OverloadedError, match="429"):
        ask(answering(lambda _request: httpx.Response(429)), "a")


def test_without_an_address_there_is_no_reranker() -> None:
    with pytest.raises(InvalidInputError, match=r"rerank\.url: the provider 'vllm' needs"):
        HttpReranker(RerankSettings(provider="vllm"))


async def test_closing_ends_the_connections() -> None:
    server = RerankServer()
    reranker = HttpReranker(settings(), server.transport())
    await reranker.close()
    await reranker.score("q", ["p"])
    await reranker.close()
    with pytest.raises(RuntimeError, match="closed"):
        await reranker.score("q", ["p"])
