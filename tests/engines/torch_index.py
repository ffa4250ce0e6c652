"""PyTorch's index of packages as uv asks it, behind a proxy that knows no other host."""

import base64
import hashlib
import io
import ssl
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from tests.engines.certificates import authority

HOST = "download.pytorch.org"
_PAGE = '<!DOCTYPE html><a href="{name}#sha256={digest}">{name}</a>'


@dataclass
class TorchIndex:
    """Serves `wheels`, bytes by file name, in each of its backends; `asked` has all paths."""

    wheels: dict[str, bytes]
    proxy: str = ""
    ca_file: Path = Path()
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str) -> bytes | None:
        """Return what lies at `path`, `/whl/BACKEND/torch/[WHEEL]`, or None."""
        self.asked.append(path)
        name = path.rpartition("/")[2]
        if not name and path.endswith("/torch/"):
            return "".join(_line(*wheel) for wheel in self.wheels.items()).encode()
        return self.wheels.get(name.replace("%2B", "+"))


def _line(name: str, content: bytes) -> str:
    return _PAGE.format(name=name, digest=hashlib.sha256(content).hexdigest())


class _Proxy(BaseHTTPRequestHandler):
    index: ClassVar[TorchIndex]
    tls: ClassVar[ssl.SSLContext]
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self) -> None:
        if self.path != f"{HOST}:443":
            self.send_error(502, f"{self.path} cannot be reached from here")
            return
        self.send_response(200)
        self.end_headers()
        with self.tls.wrap_socket(self.connection, server_side=True) as inner:
            # The same class reads what comes through the tunnel.
            type(self)(inner, self.client_address, self.server)
        self.close_connection = True

    def do_GET(self) -> None:
        found = self.index.answer(self.path)
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "binary")
        self.send_header("Content-Length", str(len(found or b"")))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(found or b"")

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""


@contextmanager
def torch_index(folder: Path, *wheels: tuple[str, bytes]) -> Iterator[TorchIndex]:
    """Serve `wheels` to whoever uses the proxy and trusts the authority in `folder`."""
    made = authority(folder, HOST)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    index = TorchIndex(dict(wheels), ca_file=made.authority)
    handler = type("Handler", (_Proxy,), {"index": index, "tls": context})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        index.proxy = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield index
        finally:
            server.shutdown()
            thread.join()


def wheel(name: str, version: str) -> tuple[str, bytes]:
    """Return the file name and the content of a wheel with one empty module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": b"",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return f"{name}-{version}-py3-none-any.whl", buffer.getvalue()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
