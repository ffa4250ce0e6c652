"""A server that does nothing, to see what the load generator itself can do.

`python -m eval.bench.noop SIZE` answers every request with `SIZE` bytes and
prints its address on the first line of its output. It ends with its input.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httptools

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Answering(asyncio.Protocol):
    """Answers each complete request with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio's callback)."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Feed the parser (asyncio's callback)."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Answer (the parser's callback)."""
        if self._transport is not None:
            self._transport.write(self._answer)


async def serve(size: int) -> None:
    """Serve on a free port of the loopback until the standard input ends."""
    answer = _HEAD % size + b" " * size
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answering(answer), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


@contextmanager
def noop_server(size: int) -> Iterator[str]:
    """Run the server in a process of its own; yields its address."""
    command = [sys.executable, "-m", "eval.bench.noop", str(size)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        # Leaving Popen's context closes the input, which ends the server.
        yield process.stdout.readline().strip()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
