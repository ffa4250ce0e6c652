"""A webhook on loopback that checks signatures as receivers do, and keeps what it took."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Receiver:
    """What came in; `statuses` are given in turn, then 204 for good."""

    url: str
    statuses: list[int] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    tries: int = 0


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        receiver = self.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver.tries += 1
        status = receiver.statuses.pop(0) if receiver.statuses else 204
        if status == 204:
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.taken.append(Webhook(SECRET).verify(body, headers))
            receiver.ids.append(headers["webhook-id"])
            assert json.loads(body)["id"] == headers["webhook-id"]
        self.send_response(status)
        if status == 302:
            self.send_header("Location", receiver.url + "elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


@contextmanager
def receive() -> Iterator[Receiver]:
    """Listen for as long as it is entered."""

    class Handler(_Handler):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Handler.receiver = Receiver(f"http://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Handler.receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
