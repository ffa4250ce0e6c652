"""The search benchmark around one scripted system, called directly and over HTTP."""

import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from eval.bench.search import NAMESPACE, SearchPlan, bench_search
from eval.errors import EvaluationError
from retrieval.chunk import Chunk
from retrieval.query import Hit, SearchRequest, SearchResponse, Source


def silent(stage: str, done: int, total: int) -> None:
    """Say nothing."""


def answer(request: SearchRequest, chunk_id: str) -> SearchResponse:
    """Return an answer of one hit."""
    source = Source(uri="", media_type="text/plain")
    hit = Hit(chunk_id=chunk_id, doc_id="d", namespace=NAMESPACE, text="t", score=1, source=source)
    return SearchResponse(
        query=request.query, k=1, hits=[hit], results=[hit], index_version=4, timings_ms={}
    )


class DirectSystem:
    """Answers at once; keeps the queries."""

    name = "direct"

    def __init__(self, suffix: str = "") -> None:
        self.suffix = suffix
        self.queries: list[str] = []

    async def index(self, chunks: Sequence[Chunk]) -> int:
        raise AssertionError("passages are stored through the mesh")

    async def search(self, request: SearchRequest) -> SearchResponse:
        if len(self.queries) < 32:
            assert request.min_index_version == 4  # sees what was just stored
        self.queries.append(request.query)
        return answer(request, f"{request.query}{self.suffix}")

    async def close(self) -> None:
        pass


class Mesh(BaseHTTPRequestHandler):
    """Answers as `DirectSystem` does."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65_536  # head and body in one segment
    queries: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/hirag/upsert-batch":
            reply = json.dumps({"rejected": [], "index_version": 4}).encode()
        else:
            request = SearchRequest.model_validate(body)
            self.queries.append(request.query)
            reply = answer(request, request.query).model_dump_json().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Mesh.queries.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Mesh) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.integration
def test_both_get_the_same_queries_and_none_twice(url: str) -> None:
    local = DirectSystem()
    plan = SearchPlan(url, clients=(1, 4), rounds=2, searches=25)
    report = bench_search(plan, local, silent)
    assert sorted(local.queries) == sorted(Mesh.queries)
    assert len(set(local.queries)) == len(local.queries) == 32 + 2 * 2 * 25
    cells = [(item.system, item.clients, item.failures) for item in report.measured]
    assert cells == [
        ("in process", 1, 0),
        ("HTTP", 1, 0),
        ("in process", 4, 0),
        ("HTTP", 4, 0),
    ]
    assert [ratio.clients for ratio in report.ratios] == [1, 4]
    assert all(ratio.low <= ratio.median <= ratio.high for ratio in report.ratios)
    assert all(limit.requests_per_s > 0 for limit in report.generator)
    assert "| HTTP, 4 clients" in report.to_text()


def test_different_answers_are_not_compared(url: str) -> None:
    with pytest.raises(EvaluationError, match=r"answer .* differently"):
        bench_search(SearchPlan(url, searches=20), DirectSystem(suffix="!"), silent)
