"""An application for Ray Serve that does nothing but answer: what Serve itself costs.

`python -m eval.bench.noop_app` serves the same answer with uvicorn alone, as the
baseline; it prints its address, and ends with its input.
"""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from starlette.types import Message, Receive, Scope, Send

if TYPE_CHECKING:
    from ray import serve

_BODY = b'{"ok":true}'
_HEADERS = (
    (b"content-type", b"application/json"),
    (b"content-length", str(len(_BODY)).encode()),
)
_END: Message = {"type": "http.response.body", "body": _BODY}
_ONGOING = 1_000


class Answer:
    """Answers every request with the same eleven bytes; an object, since Serve calls functions."""

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] == "http":
            # A list of its own for each: Serve adds the request id to it.
            headers = list(_HEADERS)
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send(_END)


answer = Answer()


def build(_arguments: dict[str, Any]) -> "serve.Application":
    """Return the application for Serve: one replica of `answer`."""
    from ray import serve

    make = serve.deployment(
        name="noop",
        num_replicas=1,
        max_ongoing_requests=_ONGOING,
        ray_actor_options={"num_cpus": 0.1},
    )
    return make(serve.ingress(answer)(Noop)).bind()


class Noop:
    """Only there to be served."""


@contextmanager
def uvicorn_alone() -> Iterator[tuple[str, int]]:
    """Serve `answer` in a process of its own; yields its address and its process id."""
    command = [sys.executable, "-m", "eval.bench.noop_app"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        # Leaving Popen's context closes the input, which ends the server.
        yield process.stdout.readline().strip(), process.pid


async def _serve() -> None:
    import uvicorn

    # asyncio sends at once only on sockets that name their protocol.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(answer, lifespan="off", access_log=False, log_level="error")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    await serving


if __name__ == "__main__":
    asyncio.run(_serve())
