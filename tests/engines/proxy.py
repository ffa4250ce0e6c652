"""A TCP proxy that misbehaves on request: it cuts, delays, corrupts, refuses, swallows, is silent.

A few lines of asyncio instead of toxiproxy, which would bring Go into `make test`.
"""

import asyncio
import contextlib
import random
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

Fault = Literal["refused", "cut", "silent", "corrupted"]
_PIECE = 65_536
_DAMAGED = 1_024


@dataclass(slots=True)
class Proxy:
    """Stands at `port` before a server; what it does to connections may change at any time.

    `cut` and `corrupt` are the chances that a piece of an answer ends its connection, or
    has a byte in each KiB changed, both as `dice` falls. `swallow` is the chance that a
    request reaches the server and its answer is thrown away. While `silent`, answers are
    thrown away and the connection stays. `faults` counts all of these. Clients speak TLS
    where `tls` is given.
    """

    port: int = 0
    delay_s: float = 0.0
    cut: float = 0.0
    corrupt: float = 0.0
    swallow: float = 0.0
    refuse: bool = False
    silent: bool = False
    faults: int = 0
    dice: random.Random = field(default_factory=lambda: random.Random(7))
    tls: ssl.SSLContext | None = None
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop | None = None

    @property
    def address(self) -> str:
        """Where it listens, `host:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where it listens, as a URL."""
        return f"http://{self.address}"

    def always(self, fault: Fault) -> None:
        """Do this from now on, also to the connections that are there."""
        match fault:
            case "refused":
                self.refuse = True
                self.cut_all()
            case "cut":
                self.cut = 1.0
            case "silent":
                self.silent = True
            case "corrupted":
                self.corrupt = 1.0

    def heal(self) -> None:
        """Let everything pass from now on; what was kept silent about has to be asked again."""
        self.delay_s = self.cut = self.corrupt = self.swallow = 0.0
        self.refuse = self.silent = False

    def stop(self) -> None:
        """End everything."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stopped.set)

    def cut_all(self) -> None:
        """End every open connection."""
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._cut_all(), self._loop).result(10)

    async def _cut_all(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def serve(self, host: str, port: int, ready: threading.Event) -> None:
        """Stand before the server at `host` and `port` until it is stopped."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._open.add(writer)
            # Cancelled at the end of all, which asyncio would log.
            with contextlib.suppress(OSError, asyncio.CancelledError):
                try:
                    await self._joined(reader, writer, *await asyncio.open_connection(host, port))
                finally:
                    self._open.discard(writer)
                    writer.transport.abort()

        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=self.tls)
        self.port, self._loop = server.sockets[0].getsockname()[1], asyncio.get_running_loop()
        ready.set()
        await self._stopped.wait()
        # Whom asyncio has let in already it can only take up, or close, while the server is open.
        for listening in server.sockets:
            self._loop.remove_reader(listening.fileno())
        await asyncio.sleep(0.05)
        server.close()
        await self._cut_all()
        # Transports close their sockets in the loop's next rounds.
        await asyncio.sleep(0.05)

    async def _joined(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        server: asyncio.StreamWriter,
    ) -> None:
        both = {writer, server}
        self._open |= both
        try:
            await asyncio.gather(self._requests(reader, server), self._answers(answers, writer))
        finally:
            self._open -= both
            for end in both:
                end.transport.abort()

    async def _requests(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        while piece := await reader.read(_PIECE):
            if self.refuse:
                raise ConnectionAbortedError
            await asyncio.sleep(self.delay_s)
            server.write(piece)
            await server.drain()
        raise ConnectionAbortedError

    async def _answers(self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await answers.read(_PIECE):
            if self.silent:
                self.faults += 1
                continue
            swallowed, cut, corrupted = (
                self.dice.random() < chance for chance in (self.swallow, self.cut, self.corrupt)
            )
            self.faults += swallowed or cut or corrupted
            if not swallowed:
                writer.write(
                    self._corrupted(piece) if corrupted else piece[: len(piece) // (1 + cut)]
                )
                await writer.drain()
            if swallowed or cut:
                raise ConnectionAbortedError
        raise ConnectionAbortedError

    def _corrupted(self, piece: bytes) -> bytes:
        changed = bytearray(piece)
        for start in range(0, len(piece), _DAMAGED):
            at = start + self.dice.randrange(min(_DAMAGED, len(piece) - start))
            changed[at] ^= 0x01
        return bytes(changed)


@contextmanager
def proxy(host: str, port: int, tls: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    """Run a proxy before `host` and `port` until the block ends; with `tls`, clients speak it."""
    made, ready = Proxy(tls=tls), threading.Event()
    thread = threading.Thread(target=asyncio.run, args=(made.serve(host, port, ready),))
    thread.start()
    assert ready.wait(10)
    try:
        yield made
    finally:
        made.stop()
        thread.join(10)
