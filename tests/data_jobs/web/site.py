"""A site on loopback that speaks HTTP as sites do: validators, robots.txt, redirects, trouble."""

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What stands at one path; `times` answers with `status` first, then 200 for good."""

    body: bytes = b""
    content_type: str = "text/html"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: bool = True
    times: int | None = None


@dataclass
class Site:
    """The pages by path, and what was asked for."""

    url: str
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)

    def put(self, path: str, text: str, **options: object) -> str:
        """Store a page; return its URL."""
        self.pages[path] = Page(text.encode(), **options)  # type: ignore[arg-type]
        return self.url + path

    def visits(self, path: str) -> int:
        """Return how often `path` was asked for."""
        return self.asked.count(path)


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        site = self.site
        site.asked.append(self.path)
        site.agents.add(self.headers.get("User-Agent", ""))
        page = site.pages.get(self.path, Page(b"nothing here", status=404, etag=False))
        status = page.status
        if page.times is not None:
            status = page.status if page.times > 0 else 200
            page.times -= 1
        tag = f'"{hashlib.sha256(page.body).hexdigest()[:16]}"'
        if page.etag and status == 200 and self.headers.get("If-None-Match") == tag:
            status = 304
        site.statuses[status] += 1
        self.send_response(status)
        if page.etag:
            self.send_header("ETag", tag)
        for name, value in page.headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        if status != 304:
            self.wfile.write(page.body)

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


@contextmanager
def serve() -> Iterator[Site]:
    """Serve a site for as long as it is entered."""

    class Handler(_Handler):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Handler.site = Site(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Handler.site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
