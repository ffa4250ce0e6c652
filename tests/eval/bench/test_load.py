"""The load generator against real servers."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from eval.bench.load import Load, generate, run
from eval.bench.noop import noop_server


class Echoing(BaseHTTPRequestHandler):
    """Answers with the status that the body asks for; 0 hangs up without an answer."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65_536  # head and body in one segment

    def do_POST(self) -> None:
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if wanted["status"] == 0:
            self.close_connection = True
            return
        assert self.headers["Authorization"] == "Bearer key"
        assert self.path == "/ask"
        self.send_response(wanted["status"])
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def do_GET(self) -> None:
        wanted = parse_qs(urlsplit(self.path).query)["status"]
        self.send_response(int(wanted[0]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echoing) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/ask"
        server.shutdown()
        thread.join()


async def test_every_status_is_counted(url: str) -> None:
    wanted = [200] * 30 + [503] * 5 + [0] * 3 + [200] * 10
    bodies = [json.dumps({"status": status}) for status in wanted]
    result = await run(Load(url=url, clients=4, bodies=bodies, api_key="key"))
    assert result.statuses == {200: 40, 503: 5, 0: 3}
    assert result.failures == 8
    assert len(result.latencies) == len(bodies)
    assert max(result.latencies) <= result.seconds


async def test_targets_are_asked_for_by_get(url: str) -> None:
    targets = [f"/any?status={status}" for status in [200] * 7 + [404] * 2]
    result = await run(Load(url=url, clients=2, targets=targets, api_key="key"))
    assert result.statuses == {200: 7, 404: 2}


async def test_an_absent_server_fails_every_request() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        result = await run(Load(url=address, clients=2, bodies=["{}"] * 6))
    assert result.statuses == {0: 6}


@pytest.mark.integration
def test_a_process_of_its_own_against_a_server_that_does_nothing() -> None:
    with noop_server(5_000) as address:
        result = generate(Load(url=address, clients=16, bodies=["{}"] * 500))
    assert result.statuses == {200: 500}
