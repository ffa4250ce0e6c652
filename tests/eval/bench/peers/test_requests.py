"""What each system is sent, and how its answers are read."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from eval.bench.parts import MeshAddress
from eval.bench.peers.calls import call
from eval.bench.peers.hayhooks_api import HaystackServer
from eval.bench.peers.mesh import MeshServer, mesh_server
from eval.bench.peers.server import Passage
from eval.bench.peers.txtai_api import TxtaiServer
from eval.errors import SearchSystemError
from retrieval.query import SearchRequest

PASSAGES = [Passage("p0", "doc/é", "first"), Passage("p1", "other", "second")]
HIT = {"text": "first", "content": "first", "score": 0.5}
URL = "http://127.0.0.1:9"
ANSWERS = {
    "/add": None,
    "/index": None,
    "/search": [{"id": "p0\ndoc/é", **HIT}],
    "/index/run": {"result": 2},
    "/search/run": {"result": [{"id": "p0", "doc_id": "doc/é", **HIT}]},
}


class Recording(BaseHTTPRequestHandler):
    """Answers as the peers do, and keeps what was asked."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, str, Any]]] = []

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append((self.command, self.path, json.loads(body) if body else None))
        path = urlsplit(self.path).path
        reply = json.dumps(ANSWERS[path]) if path in ANSWERS else "nothing here"
        self.send_response(200 if path in ANSWERS else 404)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply.encode())

    do_GET = do_POST = answer

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    Recording.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Recording) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}") as found:
            yield found
        server.shutdown()
        thread.join()


def test_txtai_is_asked_by_get_and_gives_documents_back(client: httpx.Client) -> None:
    server = TxtaiServer(client, {}, list)
    server.index(PASSAGES)
    assert server.search("what & why", 10) == ["doc/é"]
    add, index, search = Recording.seen
    assert add[:2] == ("POST", "/add")
    assert [item["text"] for item in add[2]] == ["first", "second"]
    assert index == ("GET", "/index", None)
    load = server.load(["what & why"], 4, 10)
    assert load.targets == [search[1]]
    assert parse_qs(urlsplit(search[1]).query) == {"query": ["what & why"], "limit": ["10"]}
    (request,) = load.requests()
    assert request.startswith(b"GET /search?query=what+%26+why&limit=10 HTTP/1.1\r\n")


def test_haystack_runs_its_two_pipelines(client: httpx.Client) -> None:
    server = HaystackServer(client, {}, list)
    server.index(PASSAGES)
    assert server.search("what", 10) == ["doc/é"]
    seen = Recording.seen
    assert seen[0][2]["documents"][0]["meta"] == {"doc_id": "doc/é"}
    load = server.load(["what"], 4, 10)
    assert urlsplit(load.url).path == seen[1][1]
    assert json.loads(load.bodies[0]) == seen[1][2] == {"query": "what", "top_k": 10}


def test_a_peer_that_refuses_is_quoted(client: httpx.Client) -> None:
    with pytest.raises(SearchSystemError, match=r"/none answered 404: nothing here"):
        call(client, "GET", "/none")


def test_the_mesh_is_asked_in_a_namespace_of_its_own_with_its_defaults() -> None:
    def found(server: MeshServer) -> tuple[str, SearchRequest]:
        (body,) = server.load(["what"], 4, 10).bodies
        return body, SearchRequest.model_validate_json(body)

    with (
        mesh_server(MeshAddress(URL, "unused"), "key") as first,
        mesh_server(MeshAddress(URL, "unused"), None) as second,
    ):
        body, request = found(first)
        assert json.loads(body).keys() == {"query", "namespace", "k"}
        assert request.namespace.startswith("peers-")
        assert found(second)[1].namespace != request.namespace
        assert first.load([], 1, 1).url == f"{URL}/hirag/query"
        assert (first.load([], 1, 1).api_key, second.load([], 1, 1).api_key) == ("key", None)
        assert first.processes is None
