"""What comes back: bodies, limits, redirects, and errors that say what was wrong."""

import gzip
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from retrieval.fetching.client import GuardedClient
from retrieval.fetching.errors import FetchLimitError, RefusedUrlError, UnreachableError
from retrieval.fetching.settings import FetchSettings
from tests.retrieval.fetching.internet import SITE, Internet, answer, redirect

MIB = 2**20


def test_the_answer_with_url_status_and_headers() -> None:
    internet = Internet(answers=[redirect("/b?x=1"), answer(b"text", Content_Type="text/plain")])
    with internet.client(user_agent="studio-bot/2") as client:
        found = client.fetch("https://site.example/a", headers={"If-None-Match": '"x"'})
    assert (found.url, found.status, found.body) == ("https://site.example/b?x=1", 200, b"text")
    assert found.headers["content-type"] == "text/plain"
    sent = b"".join(internet.sent)
    assert b"User-Agent: studio-bot/2\r\n" in sent
    assert sent.count(b'If-None-Match: "x"') == 2
    assert set(internet.dialled) == {(SITE, 443)}


def test_a_status_is_an_answer() -> None:
    with Internet(answers=[answer(b"no", "404 Not Found")]).client() as client:
        found = client.fetch("http://site.example/")
    assert (found.status, found.ok) == (404, False)


def test_a_redirect_is_the_answer_where_none_is_followed() -> None:
    with Internet(answers=[redirect("/b")]).client() as client:
        found = client.fetch("http://site.example/", method="POST", content=b"{}", redirects=0)
    assert (found.status, found.headers["location"]) == (302, "/b")


@pytest.mark.parametrize("location", ["http://[", "http:x", "http://exa mple.com:x/"])
def test_a_redirect_to_nonsense_is_refused(location: str) -> None:
    internet = Internet(answers=[redirect(location)])
    with internet.client() as client, pytest.raises((RefusedUrlError, UnreachableError)):
        client.fetch("http://site.example/")


def test_cookies_are_neither_kept_nor_sent() -> None:
    internet = Internet(answers=[answer(Set_Cookie="a=b; Path=/"), answer()])
    with internet.client() as client:
        client.fetch("http://site.example/")
        client.fetch("http://site.example/")
    assert b"ookie" not in b"".join(internet.sent)


def test_a_dead_address_does_not_hide_a_living_one() -> None:
    internet = Internet({"site.example": [["2606:4700::1", SITE]]})
    internet.dead.add("2606:4700::1")
    with internet.client() as client:
        assert client.fetch("http://site.example/").ok
    internet.dead.add(SITE)
    with internet.client() as client, pytest.raises(UnreachableError, match="refused"):
        client.fetch("http://site.example/")


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"a" * 100, mtime=0), "gzip"),
        (zlib.compress(b"a" * 100), "deflate"),
        (zlib.compress(b"a" * 100, wbits=-15), "deflate"),
        (b"a" * 100, "identity"),
    ],
)
def test_compressed_answers_are_unpacked(body: bytes, encoding: str) -> None:
    with Internet(answers=[answer(body, Content_Encoding=encoding)]).client() as client:
        assert client.fetch("http://site.example/").body == b"a" * 100


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [
        (b"not gzip", "gzip", "cannot be unpacked"),
        (gzip.compress(b"a" * 1_000, mtime=0)[:-12], "gzip", "ends before"),
        (b"x", "br", "nobody asked for"),
    ],
)
def test_damaged_answers_are_refused(body: bytes, encoding: str, reason: str) -> None:
    internet = Internet(answers=[answer(body, Content_Encoding=encoding)])
    with internet.client() as client, pytest.raises(UnreachableError, match=reason):
        client.fetch("http://site.example/")


@pytest.mark.parametrize(
    "hostile",
    [
        answer(b"a" * 2_000),
        answer(gzip.compress(b"a" * 100 * MIB, 9), Content_Encoding="gzip"),
        b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 2_000,
    ],
    ids=["announced", "bomb", "endless"],
)
def test_no_answer_is_larger_than_allowed(hostile: bytes, tmp_path: Path) -> None:
    with Internet(answers=[hostile, hostile]).client() as client:
        with pytest.raises(FetchLimitError, match="bytes"):
            client.fetch("http://site.example/", max_bytes=1_000)
        with pytest.raises(FetchLimitError, match="bytes"):
            client.download("http://site.example/", tmp_path / "file", max_bytes=1_000)
    assert (tmp_path / "file").stat().st_size <= 1_000


def test_a_download_goes_to_its_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with Internet(answers=[answer(b"body"), answer(b"no", "410 Gone")]).client() as client:
        found = client.download("http://site.example/", path)
        assert (found.body, found.size, path.read_bytes()) == (b"", 4, b"body")
        assert client.download("http://site.example/", path).status == 410
    assert path.read_bytes() == b""


@pytest.mark.parametrize(
    "entry", ["no good", "-x.lan", "10.0.0.0/33", "http://wiki.lan", "1.2.3", "", "wiki.lan:80"]
)
def test_a_private_host_that_is_none_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="private_hosts"):
        FetchSettings(private_hosts=[entry])


class _Site(BaseHTTPRequestHandler):
    release: ClassVar[threading.Event]

    def do_GET(self) -> None:
        if self.path == "/slow":
            # Without an end, one byte after the other.
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not self.release.wait(0.02):
                try:
                    self.wfile.write(b"x")
                except OSError:
                    return
        elif self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/")
            self.end_headers()
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.headers.get("Host", "").encode())

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


@contextmanager
def site() -> Iterator[str]:
    """Serve on loopback, where only the setting lets the client in."""

    class Handler(_Site):
        release = threading.Event()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        Handler.release.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_real_server_on_a_host_of_ones_own() -> None:
    own = FetchSettings(private_hosts=["localhost"])
    with site() as url, closing(GuardedClient(own)) as client, closing(GuardedClient()) as strict:
        named = url.replace("127.0.0.1", "localhost")
        assert client.fetch(named).body.decode() == named.removeprefix("http://")
        with pytest.raises(RefusedUrlError):
            client.fetch(url)
        with pytest.raises(RefusedUrlError):
            strict.fetch(named)
        with pytest.raises(RefusedUrlError, match=r"169\.254"):
            client.fetch(f"{named}/away")


def test_a_server_that_trickles_is_given_up() -> None:
    settings = FetchSettings(private_hosts=["127.0.0.1"])
    late = pytest.raises(FetchLimitError, match="in time")
    with site() as url, closing(GuardedClient(settings)) as client, late:
        client.fetch(f"{url}/slow", timeout_s=0.2)
