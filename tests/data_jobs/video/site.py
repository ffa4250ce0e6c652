"""A host on loopback that speaks as YouTube, Invidious, its companion and an ordinary site do."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

VIDEO = "dQw4w9WgXcQ"
LINES = ("We tune the harp.", "The hall is cold today.", "Now we record the first song.")
DESCRIPTION = "How we record.\n\n0:00 Tuning\n0:05 The hall\n0:10 Recording\n"


@dataclass
class Reply:
    """What is sent; `cut` bytes of the body are held back, and the connection ends."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    cut: int = 0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    """One request that came in."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Asked], Reply] | Reply


class Site:
    """Answers by path; what it does not know is 404. `asked` are the requests so far."""

    def __init__(self, address: str) -> None:
        self.url = address
        self.routes: dict[str, Answer] = {}
        self.asked: list[Asked] = []

    def paths(self) -> list[str]:
        return [each.path for each in self.asked]

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        answer = self.routes.get(asked.path, Reply(b"{}", 404))
        return answer if isinstance(answer, Reply) else answer(asked)


@contextmanager
def site() -> Iterator[Site]:
    """Serve on a free port while entered."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(
                self.command, parts.path, parse_qs(parts.query), headers, self.rfile.read(size)
            )
            reply = served.reply(asked)
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body[: len(reply.body) - reply.cut])
            self.close_connection = reply.cut > 0

        do_POST = do_HEAD = do_GET

        def log_message(self, *_arguments: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Site(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def player(*tracks: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    """A player response; `tracks` are language, kind ("" or "asr") and address."""
    return {
        "playabilityStatus": {"status": "OK"},
        "videoDetails": {
            "videoId": VIDEO,
            "title": "Recording a harp",
            "author": "Slack Water",
            "channelId": "UCslackwater",
            "lengthSeconds": "15",
            "shortDescription": DESCRIPTION,
            "keywords": ["harp"],
            "thumbnail": {"thumbnails": [{"url": "https://i.ytimg.com/vi/x/small.jpg"}]},
        },
        "captions": {
            "playerCaptionsTracklistRenderer": {
                "captionTracks": [
                    {"languageCode": language, "kind": kind, "baseUrl": address}
                    for language, kind, address in tracks
                ]
            }
        },
        **more,
    }


def watch_page(response: dict[str, Any]) -> Reply:
    page = (
        "<!doctype html><html><head><title>x</title></head><body><script>"
        f"var ytInitialPlayerResponse = {json.dumps(response)};var meta = 1;</script></body></html>"
    )
    return Reply(page.encode(), content_type="text/html; charset=utf-8")


def json3(lines: tuple[str, ...] = LINES, every: float = 5.0) -> bytes:
    events: list[dict[str, Any]] = [{"tStartMs": 0, "dDurationMs": 1, "id": 1}]
    for number, line in enumerate(lines):
        words = [{"utf8": word + " "} for word in line.split()]
        start = int(number * every * 1_000)
        events.append({"tStartMs": start, "dDurationMs": 4_000, "segs": words})
    return json.dumps({"wireMagic": "pb3", "events": events}).encode()


def vtt(lines: tuple[str, ...] = LINES) -> bytes:
    cues = "\n".join(
        f"00:00:{5 * number:02}.000 --> 00:00:{5 * number + 4:02}.000\n{line}\n"
        for number, line in enumerate(lines)
    )
    return f"WEBVTT\n\n{cues}".encode()


def as_json(value: Any, status: int = 200) -> Reply:
    return Reply(json.dumps(value).encode(), status)
