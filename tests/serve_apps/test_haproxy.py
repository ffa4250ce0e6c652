"""What a real HAProxy with our corrections does when replicas die, and while it drains."""

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from cluster.chaos.ledger import is_clean
from cluster.mesh.draining import drain
from cluster.mesh.ports import any_free_port
from cluster.mesh.processes import MARK
from serve_apps import problems
from serve_apps.environment import ServePorts, serve_environment
from tests.cluster.test_mesh_state import example

# As much of Serve's own configuration as matters here.
CONFIG = """\
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    option redispatch 1
    option idle-close-on-response
    retry-on {retry_on}
    errorfile 502 {folder}/500.http
    errorfile 503 {folder}/500.http
    errorfile 504 {folder}/500.http
frontend http_frontend
    bind 127.0.0.1:{port}
    default_backend http-pmoves
backend http-pmoves
{servers}
"""


@dataclass
class Replica:
    """Reads requests; answers with its headers, or hangs up in the midst of one."""

    dies: bool = False
    gate: threading.Event = field(default_factory=threading.Event)
    asked: int = 0

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def leave(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(line,), daemon=True).start()

    def _answer(self, line: socket.socket) -> None:
        with line:
            head = line.recv(65_536)
            self.asked += bool(head)
            # Of these tests' bodies only one comes after its head, and ends so.
            while b"content-length: 7" in head and not head.endswith(b"}"):
                head += line.recv(65_536)
            if self.dies or not head:
                return
            self.gate.wait(30)
            # Whoever asked may have left.
            with contextlib.suppress(OSError):
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(head) + head)


@pytest.fixture
def replicas() -> Iterator[list[Replica]]:
    """A replica that dies of every request, and one that is well."""
    made = [Replica(dies=True), Replica()]
    made[1].gate.set()
    yield made
    for replica in made:
        replica.gate.set()
        replica.leave()


@contextmanager
def haproxy(
    folder: Path,
    replicas: list[Replica],
    search_ms: int = 10_000,
    marks: dict[str, str] | None = None,
) -> Iterator[str]:
    """Run HAProxy in front of `replicas`; yields its address."""
    port, *others = (any_free_port() for _ in range(4))
    environment = serve_environment(folder, ServePorts(*others), search_ms=search_ms)
    servers = [f"    server s{at} 127.0.0.1:{one.port}" for at, one in enumerate(replicas)]
    # What Serve has HAProxy say while it knows of no application.
    nothing = '    http-request return status 404 content-type text/plain lf-string "%[path]"'
    retry_on = environment["RAY_SERVE_HAPROXY_RETRY_ON"]
    config = folder / "haproxy.cfg"
    config.write_text(
        CONFIG.format(
            folder=folder, port=port, retry_on=retry_on, servers="\n".join(servers or [nothing])
        )
    )
    command = [environment["RAY_SERVE_HAPROXY_BINARY_PATH"], "-f", str(config)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, stdout=quiet, stderr=quiet, env=os.environ | (marks or {})
    ) as process:
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"HAProxy does not listen at {port}")


@pytest.mark.parametrize(("method", "path"), [("POST", "/hirag/query"), ("GET", "/jobs")])
def test_a_search_that_dies_with_its_replica_goes_to_another(
    tmp_path: Path, replicas: list[Replica], method: str, path: str
) -> None:
    with haproxy(tmp_path, replicas) as url, httpx.Client(base_url=url, trust_env=False) as client:
        answers = [client.request(method, path) for _ in range(6)]
    assert {answer.status_code for answer in answers} == {200}
    assert replicas[0].asked > 0


def test_a_search_whose_body_comes_after_its_head_goes_to_another_too(
    tmp_path: Path, replicas: list[Replica]
) -> None:
    head = b"POST /hirag/query HTTP/1.1\r\nHost: here\r\nContent-Length: 7\r\n\r\n"
    with haproxy(tmp_path, replicas) as url:
        address = ("127.0.0.1", httpx.URL(url).port or 0)
        for _ in range(4):
            with socket.create_connection(address, 30) as line:
                line.sendall(head)
                time.sleep(0.05)
                line.sendall(b'{"q":1}')
                assert line.recv(12) == b"HTTP/1.1 200"
    assert replicas[0].asked > 0


# The grace of five seconds, less: no test waits so long.
@pytest.mark.parametrize(("body", "search_ms"), [({"timeout_ms": -4_800}, 60_000), ({}, -4_800)])
def test_a_search_in_the_hands_of_a_replica_that_stands_still_goes_to_another(
    tmp_path: Path, body: dict[str, int], search_ms: int
) -> None:
    still, well = Replica(), Replica()
    well.gate.set()
    with (
        haproxy(tmp_path, [still, well], search_ms=search_ms) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        answers = [client.post("/hirag/query", json={"query": "x"} | body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert well.asked == 2
    assert still.asked
    for replica in (still, well):
        replica.gate.set()
        replica.leave()


@pytest.mark.parametrize("path", ["/hirag/upsert-batch", "/documents", "/ingest"])
def test_a_change_is_never_made_twice(tmp_path: Path, replicas: list[Replica], path: str) -> None:
    with haproxy(tmp_path, replicas) as url, httpx.Client(base_url=url, trust_env=False) as client:
        answers = [client.post(path, content=b"{}") for _ in range(6)]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(refused) == replicas[0].asked > 0
    assert sum(replica.asked for replica in replicas) == 6
    assert all(is_clean(answer) for answer in refused)
    assert {answer.json()["type"] for answer in refused} == {problems.UNAVAILABLE.uri}


@pytest.mark.parametrize("known", [0, 2])
def test_without_any_replica_the_refusal_is_clean(
    tmp_path: Path, replicas: list[Replica], known: int
) -> None:
    for replica in replicas:
        replica.leave()
    with haproxy(tmp_path, replicas[:known]) as url:
        answer = httpx.post(f"{url}/hirag/query", content=b"{}", trust_env=False)
    assert is_clean(answer), answer.text


def test_serve_leaves_body_and_departure_to_the_gateway(
    tmp_path: Path, replicas: list[Replica]
) -> None:
    with haproxy(tmp_path, replicas[1:]) as url:
        forged = {"X-Request-Disconnect-Disabled": "?0"}
        answer = httpx.post(f"{url}/documents", headers=forged, trust_env=False)
    passed = [line for line in answer.text.lower().split("\r\n") if "disconnect" in line]
    assert passed == ["x-request-disconnect-disabled: ?1"]


def test_a_drain_answers_who_is_in_and_lets_nobody_else_in(
    tmp_path: Path, replicas: list[Replica]
) -> None:
    slow = replicas[1]
    slow.gate.clear()
    mark = f"drain-{os.getpid()}"
    state = example(tmp_path).model_copy(update={"mesh_id": mark})
    with (
        haproxy(tmp_path, [slow], marks={MARK: mark}) as url,
        ThreadPoolExecutor(2) as threads,
        httpx.Client(base_url=url, trust_env=False, timeout=60) as idle,
    ):
        state = state.model_copy(update={"http_port": httpx.URL(url).port})
        call = threads.submit(httpx.get, f"{url}/slow", timeout=60, trust_env=False)
        while not slow.asked:
            time.sleep(0.01)
        assert not drain(state, tmp_path, patience_s=1)
        with pytest.raises(httpx.ConnectError):
            idle.get("/late")
        draining = threads.submit(drain, state, tmp_path, 60)
        slow.gate.set()
        assert call.result().status_code == 200
        assert draining.result()
        # Nor does Serve, which looks after HAProxy, open the door again.
        binary = tmp_path / "haproxy"
        assert subprocess.run([str(binary), "-v"], check=False).returncode == 1


def test_where_no_haproxy_runs_there_is_nothing_to_wait_for(tmp_path: Path) -> None:
    state = example(tmp_path).model_copy(update={"mesh_id": "drain-nothing"})
    assert drain(state, tmp_path, patience_s=60)
