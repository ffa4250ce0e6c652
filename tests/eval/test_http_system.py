"""The HTTP client against a real server with scripted answers."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from eval.errors import SearchSystemError
from eval.provenance import SystemDescription
from eval.systems.http import HttpSystem
from retrieval.chunk import Chunk
from retrieval.query import SearchRequest

Reply = tuple[int, dict[str, str], object]
ANSWER = {"query": "x", "k": 0, "hits": [], "results": [], "index_version": 3, "timings_ms": {}}


class Handler(BaseHTTPRequestHandler):
    """Gives the scripted replies in turn and keeps the requests."""

    replies: ClassVar[list[Reply]] = []
    seen: ClassVar[list[tuple[str, str | None, dict[str, object]]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["Authorization"], json.loads(body)))
        status, headers, reply = self.replies.pop(0)
        data = json.dumps(reply).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        status, headers, reply = self.replies.pop(0)
        self.seen.append((self.path, self.headers["Authorization"], {}))
        data = json.dumps(reply).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Handler.replies.clear()
    Handler.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


async def test_a_busy_mesh_is_asked_again(url: str) -> None:
    Handler.replies += [(503, {"Retry-After": "0"}, {}), (429, {"Retry-After": "0"}, {})]
    Handler.replies.append((200, {}, ANSWER))
    system = HttpSystem(url, api_key="key")
    response = await system.search(SearchRequest(query="x", k=5, min_index_version=3))
    await system.close()
    assert response.index_version == 3
    assert (
        Handler.seen
        == [("/hirag/query", "Bearer key", {"query": "x", "k": 5, "min_index_version": 3})] * 3
    )


async def test_passages_replace_their_documents(url: str) -> None:
    Handler.replies.append((200, {}, {"rejected": [], "index_version": 9}))
    system = HttpSystem(url)
    assert await system.index([Chunk("space", "doc", "chunk", "text", context="Title")]) == 9
    await system.close()
    item = {"namespace": "space", "doc_id": "doc", "chunk_id": "chunk", "text": "Title\ntext"}
    assert Handler.seen == [("/hirag/upsert-batch", None, {"items": [item], "replace": True})]


async def test_refused_passages_are_an_error(url: str) -> None:
    refused = [{"line": 1, "field": "text", "detail": "too long"}]
    Handler.replies.append((200, {}, {"rejected": refused, "index_version": 1}))
    system = HttpSystem(url)
    with pytest.raises(SearchSystemError, match=r"refused 1 of 1 .* line 1: text: too long"):
        await system.index([Chunk("space", "doc", "chunk", "text")])
    await system.close()


async def test_problems_are_shown(url: str) -> None:
    Handler.replies.append((401, {}, {"title": "no key"}))
    system = HttpSystem(url)
    with pytest.raises(SearchSystemError, match=r"/hirag/query answered 401: .*no key"):
        await system.search(SearchRequest(query="x"))
    await system.close()


async def test_what_is_no_mesh_is_named(url: str) -> None:
    system = HttpSystem(url)
    for reply in ("<html>", ["no", "object"]):
        Handler.replies += [(200, {}, reply)] * 4
        with pytest.raises(SearchSystemError, match=r"does not answer as a mesh does .* is it one"):
            await system.describe()
        with pytest.raises(SearchSystemError, match="does not answer as a mesh does"):
            await system.search(SearchRequest(query="x"))
        with pytest.raises(SearchSystemError, match="does not answer as a mesh does"):
            await system.index([Chunk("space", "doc", "chunk", "text")])
    await system.close()


async def test_an_absent_mesh_is_named() -> None:
    system = HttpSystem("http://127.0.0.1:9")
    with pytest.raises(SearchSystemError, match=r"http://127.0.0.1:9.* cannot be reached"):
        await system.search(SearchRequest(query="x"))
    await system.close()


async def test_a_mesh_that_asks_for_a_key_says_where_to_put_one(url: str) -> None:
    Handler.replies.append((401, {"WWW-Authenticate": "Bearer"}, {"title": "A key is needed"}))
    system = HttpSystem(url)
    with pytest.raises(SearchSystemError, match="PMOVES_API_KEY"):
        await system.search(SearchRequest(query="x"))
    await system.close()


async def test_a_mesh_says_what_its_answers_come_from(url: str) -> None:
    settings = {"search": {"alpha": 0.7}, "http": {"port": 8000}}
    stats = {"settings": settings, "embedding": {"model": "packaged"}}
    Handler.replies += [(200, {}, stats), (200, {}, {"info": {"version": "0.1.0"}})]
    system = HttpSystem(url, "key")
    found = await system.describe()
    await system.close()
    assert found.settings == {"search": {"alpha": 0.7}}
    assert (found.model, found.code) == ({"model": "packaged"}, "0.1.0")


async def test_a_key_that_may_not_ask_gets_an_empty_description(url: str) -> None:
    Handler.replies += [(403, {}, {"title": "admin only"}), (403, {}, {})]
    system = HttpSystem(url, "key")
    assert await system.describe() == SystemDescription()
    await system.close()
