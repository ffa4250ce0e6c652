"""A small internet that no packet leaves: names, addresses, and answers in bytes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import httpcore

from retrieval.fetching.client import GuardedClient
from retrieval.fetching.settings import FetchSettings

SITE = "93.184.216.34"


def answer(body: bytes = b"hello", status: str = "200 OK", **headers: str) -> bytes:
    """Return an HTTP answer as a server writes it."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("utf-8") + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    """Return an answer that sends its reader elsewhere."""
    return answer(b"", status, Location=location)


class _Stream(httpcore.NetworkStream):
    def __init__(self, internet: "Internet", address: str) -> None:
        self._internet = internet
        self._address = address
        self._waiting = b""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._internet.sent.append(buffer)
        if buffer.startswith((b"GET ", b"POST ", b"HEAD ")):
            self._waiting += self._internet.next_answer()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        part, self._waiting = self._waiting[:max_bytes], self._waiting[max_bytes:]
        return part

    def start_tls(self, *_arguments: Any, **_options: Any) -> httpcore.NetworkStream:
        return self

    def close(self) -> None:
        pass

    def get_extra_info(self, info: str) -> Any:
        return None


class Internet(httpcore.NetworkBackend):
    """Resolves `names` (each look-up takes the next answer, the last one stays), and keeps
    the addresses that were dialled. Every host gives the next of `answers`."""

    def __init__(
        self,
        names: Mapping[str, Sequence[Sequence[str]]] | None = None,
        answers: Iterable[bytes] = (),
    ) -> None:
        self.names = {name: list(found) for name, found in (names or {}).items()}
        self.dialled: list[tuple[str, int]] = []
        self.sent: list[bytes] = []
        self.asked: list[str] = []
        self.dead: set[str] = set()
        self._answers = list(answers)

    def resolve(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of `host`; names that are not known are those of a site."""
        self.asked.append(host)
        found = self.names.get(host.rstrip("."), [[SITE]])
        return found.pop(0) if len(found) > 1 else found[0]

    def next_answer(self) -> bytes:
        """Return the next answer."""
        return self._answers.pop(0) if self._answers else answer()

    def connect_tcp(
        self, host: str, port: int, *_arguments: Any, **_options: Any
    ) -> httpcore.NetworkStream:
        """Note who is dialled."""
        self.dialled.append((host, port))
        if host in self.dead:
            raise httpcore.ConnectError("connection refused")
        return _Stream(self, host)

    def client(self, **settings: Any) -> GuardedClient:
        """Return a client that reaches nothing but this."""
        return GuardedClient(FetchSettings(**settings), self.resolve, self)
