"""An engine behind TLS that asks for credentials, as its own security module would."""

import http.client
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from tests.engines.certificates import authority

_REFUSED = b'{"error": {"type": "security_exception", "reason": "missing credentials"}}'


class _Door(BaseHTTPRequestHandler):
    url: ClassVar[str]
    authorization: ClassVar[str]
    protocol_version = "HTTP/1.1"

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != self.authorization:
            self._answer(401, "application/json", _REFUSED)
            return
        target = http.client.HTTPConnection(self.url.removeprefix("http://"))
        kept = {name: value for name, value in self.headers.items() if name != "Host"}
        target.request(self.command, self.path, body, kept)
        answer = target.getresponse()
        self._answer(answer.status, answer.getheader("Content-Type") or "", answer.read())
        target.close()

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = _pass

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""


@contextmanager
def guarded(url: str, authorization: str, folder: Path) -> Iterator[str]:
    """Serve what is at `url` by HTTPS to whoever sends `authorization`; yield the address.

    Whom to trust lies in `folder` as `ca.pem`.
    """

    door = type("Door", (_Door,), {"url": url, "authorization": authorization})
    server = ThreadingHTTPServer(("127.0.0.1", 0), door)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made = authority(folder)
    context.load_cert_chain(made.certificate, made.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
