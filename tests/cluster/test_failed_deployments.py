"""What is said of an application that Serve could not deploy, by the answer of a dashboard."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cluster.errors import NotReadyError
from cluster.mesh.bringup import application_missing
from cluster.mesh.dashboard import Dashboard

_RAISED = """The deployment failed to start 3 times in a row. Error:
Traceback (most recent call last):
  File "reranker.py", line 1, in __init__
retrieval.errors.InvalidInputError: rerank.model: 'm' is no folder
"""


@dataclass
class Place:
    """Where the dashboard of the test stands."""

    dashboard_url: str
    token: str = ""
    home: str = "/home/of/the mesh"
    url: str = ""


@contextmanager
def dashboard(**states: dict[str, str]) -> Iterator[Place]:
    """Answer like Ray's dashboard, with the given deployments."""
    told = {"status": "DEPLOY_FAILED", "message": "Failed to update.", "deployments": states}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"applications": {"pmoves": told}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Place(f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
        thread.join()


def test_the_reason_of_a_replica_that_cannot_start_is_told() -> None:
    reranker = {"status": "DEPLOY_FAILED", "message": _RAISED}
    gateway = {"status": "HEALTHY", "message": "said earlier"}
    with (
        dashboard(reranker=reranker, gateway=gateway) as place,
        Dashboard(place) as asked,
        pytest.raises(NotReadyError) as told,
    ):
        application_missing(place, asked)
    assert str(told.value).splitlines() == [
        "the application could not be deployed: Failed to update.",
        "reranker: retrieval.errors.InvalidInputError: rerank.model: 'm' is no folder",
        "logs: /home/of/the mesh/logs",
    ]
