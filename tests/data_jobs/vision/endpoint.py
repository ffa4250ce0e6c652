"""An endpoint that speaks OpenAI's protocol for chats with pictures, over real HTTP.

It checks what it is asked as such servers do, looks at the picture, and answers what the
test has put in.
"""

import base64
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

MODEL, KEY = "seer-7b", "sk-secret"


@dataclass
class Endpoint:
    """What it answers, in turn, with status 200 or as given; and what it was shown."""

    url: str = ""
    answers: list[tuple[int, Any]] = field(default_factory=list)
    shown: list[tuple[int, int]] = field(default_factory=list)
    asked: int = 0

    def says(self, *texts: str) -> None:
        """Answer with these texts."""
        self.answers += [(200, chat(text)) for text in texts]

    def answer(self, headers: Any, body: dict[str, Any]) -> tuple[int, Any]:
        """Return status and body for one request."""
        self.asked += 1
        if headers["Authorization"] != f"Bearer {KEY}":
            return 401, {"error": {"message": "Incorrect API key provided"}}
        if body["model"] != MODEL:
            return 404, {"error": {"message": "The model does not exist"}}
        (message,) = body["messages"]
        text, picture = message["content"]
        assert (message["role"], text["type"], picture["type"]) == ("user", "text", "image_url")
        kind, _, data = picture["image_url"]["url"].partition(";base64,")
        with Image.open(io.BytesIO(base64.b64decode(data, validate=True))) as image:
            image.load()
            assert (kind, image.format) == ("data:image/jpeg", "JPEG")
            self.shown.append(image.size)
        return self.answers.pop(0)


def chat(text: str | None) -> dict[str, Any]:
    """Return an answer of the protocol."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "c1", "object": "chat.completion", "model": MODEL, "choices": [choice]}


@contextmanager
def serve() -> Iterator[Endpoint]:
    """Run one for the time of the block."""
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = self.path == "/v1/chat/completions"
            status, told = endpoint.answer(self.headers, body) if known else (404, {})
            data = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
