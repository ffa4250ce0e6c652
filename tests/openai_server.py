"""A server that speaks OpenAI's protocol: embeddings by a model, chats by a script.

It refuses what the real ones refuse. It is a transport for a client in this process, and
`serving` puts it behind a port for other processes.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx

from retrieval.chunk import Vectors

Body = dict[str, Any]
Embed = Callable[[Sequence[str]], Vectors]
Reply = Callable[[Body], "str | httpx.Response"]

_PATHS = re.compile(
    r"(/v1|/openai/v1|/api/v1|/v1beta/openai|/client/v4/accounts/[^/]+/ai/v1|)"
    r"(/embeddings|/chat/completions)"
)


@dataclass
class Call:
    """One call: where it went, what was sent, with which headers."""

    path: str
    body: Body
    headers: httpx.Headers


@dataclass
class OpenAiServer:
    """Answers at the paths of the real servers.

    `key` is asked for where it is set. `failures` are sent first, one for each call.
    `model` is the name in answers, where it is not that of the call; a chat that is streamed
    comes in parts of `piece` characters.
    """

    embed: Embed | None = None
    reply: Reply | None = None
    key: str = ""
    model: str | None = None
    most_texts: int = 2_048
    piece: int = 7
    failures: list[httpx.Response] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def transport(self) -> httpx.MockTransport:
        """Return this server for an HTTP client of this process."""
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one call."""
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return httpx.Response(401, json={"error": {"message": "Incorrect API key provided"}})
        path = request.url.path
        known = _PATHS.fullmatch(path)
        if known is None or request.method != "POST":
            return httpx.Response(404, json={"error": {"message": f"no {path}"}})
        body = json.loads(request.content)
        self.calls.append(Call(path, body, request.headers))
        if self.failures:
            return self.failures.pop(0)
        try:
            if known[2] == "/embeddings":
                return self._embeddings(body)
            return self._chat(body, is_tensorzero=known[1] == "/openai/v1")
        except (KeyError, ValueError) as error:
            return httpx.Response(400, json={"error": {"message": str(error)}})

    def _embeddings(self, body: Body) -> httpx.Response:
        if self.embed is None:
            return httpx.Response(404, json={"error": {"message": "no embedding model is served"}})
        _only(body, _EMBEDDING_FIELDS)
        texts = body["input"]
        if not texts or not all(isinstance(text, str) and text for text in texts):
            raise ValueError("'input' cannot be empty, nor any text in it")
        if len(texts) > self.most_texts:
            raise ValueError(f"batch size {len(texts)} > maximum allowed {self.most_texts}")
        vectors = self.embed(texts)[:, : body.get("dimensions")]
        data = [
            {"object": "embedding", "index": at, "embedding": vector.tolist()}
            for at, vector in enumerate(vectors)
        ]
        used = sum(len(text.split()) for text in texts)
        return httpx.Response(
            200,
            json={
                "object": "list",
                # The order is the client's business.
                "data": data[::-1],
                "model": self.model or body["model"],
                "usage": {"prompt_tokens": used, "total_tokens": used},
            },
        )

    def _chat(self, body: Body, is_tensorzero: bool) -> httpx.Response:
        if self.reply is None:
            return httpx.Response(404, json={"error": {"message": "no chat model is served"}})
        _only(body, _CHAT_FIELDS | (_TENSORZERO_FIELDS if is_tensorzero else set()))
        if not body["messages"] or not all(each["content"] for each in body["messages"]):
            raise ValueError("'messages' cannot be empty, nor any content in it")
        said = self.reply(body)
        if isinstance(said, httpx.Response):
            return said
        episode = body.get("tensorzero::episode_id") or "episode-1"
        more = {"episode_id": episode} if is_tensorzero else {}
        if body.get("stream"):
            return streamed(said, body, self.piece)
        return completion(said, body, **more)


_EMBEDDING_FIELDS = {"model", "input", "encoding_format", "dimensions", "truncate_prompt_tokens"}
_CHAT_FIELDS = {
    *("model", "messages", "max_tokens", "max_completion_tokens", "temperature"),
    *("response_format", "stream", "stream_options"),
}
_TENSORZERO_FIELDS = {"tensorzero::tags", "tensorzero::episode_id"}


def completion(text: str, body: Body, **more: object) -> httpx.Response:
    """Return a whole answer that says `text`."""
    message = {"role": "assistant", "content": text}
    return httpx.Response(
        200,
        json={
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": usage(text, body),
            **more,
        },
    )


def streamed(text: str, body: Body, piece: int) -> httpx.Response:
    """Return an answer that comes as server-sent events, a few characters each."""
    shared = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": body["model"]}
    pieces = [text[at : at + piece] for at in range(0, len(text), piece)]
    events: list[object] = [
        {**shared, "choices": [{"index": 0, "delta": {"content": part}, "finish_reason": None}]}
        for part in pieces
    ]
    events.append({**shared, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if (body.get("stream_options") or {}).get("include_usage"):
        events.append({**shared, "choices": [], "usage": usage(text, body)})
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    content = "".join([": keep-alive\n\n", *lines, "data: [DONE]\n\n"])
    return httpx.Response(
        200, content=content.encode(), headers={"Content-Type": "text/event-stream"}
    )


def usage(text: str, body: Body) -> dict[str, int]:
    """Return the tokens of a call, four characters each."""
    sent = sum(len(message["content"]) for message in body["messages"]) // 4
    return {
        "prompt_tokens": sent,
        "completion_tokens": len(text) // 4,
        "total_tokens": sent + len(text) // 4,
    }


def _only(body: Body, names: set[str]) -> None:
    if unknown := body.keys() - names:
        raise ValueError(f"Unrecognized request arguments: {sorted(unknown)}")


@contextmanager
def serving(server: OpenAiServer) -> Iterator[str]:
    """Serve `server` on a port of loopback; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            headers = dict(self.headers.items())
            answer = server.answer(
                httpx.Request("POST", self.path, headers=headers, content=content)
            )
            self.send_response(answer.status_code)
            for name in ("Content-Type", "Retry-After"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}"
        finally:
            http.shutdown()
            thread.join()
