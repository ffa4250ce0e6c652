"""A TCP proxy that cuts, delays and corrupts what goes through it."""

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

Fault = Literal["none", "refused", "cut", "silent", "corrupted"]
_PIECE = 65_536


class Proxy:
    """Forwards connections to `host:port`; `fault` is what it does to them from now on.

    Refused connections end at once, cut ones in the middle of an answer; silent ones are
    never answered; of a corrupted answer bytes are changed.
    """

    def __init__(self, host: str, port: int) -> None:
        self.fault: Fault = "none"
        self.answers = 0
        self._target = (host, port)
        self._dice = random.Random(1)
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def set(self, fault: Fault) -> None:
        """Do this from now on, also to the connections that are there."""
        self.fault = fault
        if fault == "refused":
            self._end_all()

    def close(self) -> None:
        """End the listener and all connections."""
        self._listener.close()
        self._end_all()

    def _end_all(self) -> None:
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self.fault == "refused":
            client.close()
            return
        with client, suppress(OSError), socket.create_connection(self._target) as server:
            self._open |= {client, server}
            back = threading.Thread(target=self._answer, args=(server, client), daemon=True)
            back.start()
            while data := client.recv(_PIECE):
                server.sendall(data)
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            back.join()
            self._open -= {client, server}

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(_PIECE):
                self.answers += 1
                if self.fault == "silent":
                    continue
                if self.fault == "cut":
                    client.sendall(data[: len(data) // 2])
                    break
                client.sendall(self._damaged(data) if self.fault == "corrupted" else data)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def _damaged(self, data: bytes) -> bytes:
        changed = bytearray(data)
        for at in self._dice.sample(range(len(data)), max(1, len(data) // 50)):
            changed[at] = self._dice.randrange(256)
        return bytes(changed)


@contextmanager
def proxy(url: str) -> Iterator[Proxy]:
    """Run a proxy in front of the server at `url`, such as http://127.0.0.1:9200."""
    host, _, port = url.removeprefix("http://").partition(":")
    made = Proxy(host, int(port))
    try:
        yield made
    finally:
        made.close()
