"""A server that speaks the protocols of rerankers, and scores by the words that are shared."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

_WORD = re.compile(r"\w+")


def overlap(query: str, passage: str) -> float:
    """Return the share of the words of `query` that `passage` holds."""
    asked = set(_WORD.findall(query.lower()))
    return len(asked & set(_WORD.findall(passage.lower()))) / (len(asked) or 1)


@dataclass
class RerankServer:
    """Answers at the paths of the real servers, refuses what they would refuse.

    `key` is asked for where it is set; `requests` notes path and body of each call.
    """

    key: str = ""
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def transport(self) -> httpx.MockTransport:
        """Return this server for an HTTP client."""
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one call."""
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return httpx.Response(401, json={"message": "invalid api token"})
        body = json.loads(request.content)
        path = request.url.path
        self.requests.append((path, body))
        handler = _PATHS.get(path)
        if handler is None or request.method != "POST":
            return httpx.Response(404, json={"detail": "Not Found"})
        try:
            return httpx.Response(200, json=handler(body))
        except (KeyError, ValueError) as error:
            return httpx.Response(422, json={"detail": str(error)})


def _ranked(body: dict[str, Any]) -> dict[str, Any]:
    """Cohere, Jina, Infinity, vLLM: best first, with the place of each document."""
    _only(body, {"model", "query", "documents", "top_n", "return_documents"})
    scores = _scored(body["query"], body["documents"])
    order = sorted(range(len(scores)), key=lambda at: -scores[at])[: body["top_n"]]
    return {
        "id": "1",
        "model": body["model"],
        "results": [{"index": at, "relevance_score": scores[at]} for at in order],
    }


def _tei(body: dict[str, Any]) -> list[dict[str, Any]]:
    """text-embeddings-inference: a bare list, at most 32 texts."""
    _only(body, {"query", "texts", "raw_scores", "truncate", "return_text"})
    if len(body["texts"]) > 32:
        raise ValueError("batch size 33 > maximum allowed batch size 32")
    scores = _scored(body["query"], body["texts"])
    order = sorted(range(len(scores)), key=lambda at: -scores[at])
    return [{"index": at, "score": scores[at]} for at in order]


def _vllm(body: dict[str, Any]) -> dict[str, Any]:
    """vLLM's score API: in the order of the texts."""
    _only(body, {"model", "text_1", "text_2", "truncate_prompt_tokens"})
    scores = _scored(body["text_1"], body["text_2"])
    data = [{"index": at, "object": "score", "score": s} for at, s in enumerate(scores)]
    return {"object": "list", "data": data, "model": body["model"]}


def _scores(body: dict[str, Any]) -> dict[str, Any]:
    """A TensorZero function that answers with scores."""
    _only(body, {"query", "documents"})
    return {"scores": _scored(body["query"], body["documents"])}


def _data(body: dict[str, Any]) -> dict[str, Any]:
    """A TensorZero function that answers with data."""
    _only(body, {"query", "documents"})
    scores = _scored(body["query"], body["documents"])
    return {"data": [{"index": at, "score": score} for at, score in enumerate(scores)]}


def _scored(query: str, passages: Sequence[str]) -> list[float]:
    if not passages or not all(isinstance(text, str) for text in passages):
        raise ValueError("documents: a list of texts is needed")
    return [overlap(query, passage) for passage in passages]


def _only(body: dict[str, Any], names: set[str]) -> None:
    if unknown := body.keys() - names:
        raise ValueError(f"unknown fields: {sorted(unknown)}")


_PATHS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "/v1/rerank": _ranked,
    "/v2/rerank": _ranked,
    "/rerank": _tei,
    "/score": _vllm,
    "/functions/hi_rag_rerank/invoke": _scores,
    "/functions/other/invoke": _data,
}
