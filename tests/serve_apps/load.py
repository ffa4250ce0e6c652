"""Constant load on a mesh, and a ledger of what became of every request.

Searchers ask for passages whose answer is known; writers store passages and ask for
them again by the version that the write had.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

import httpx

from serve_apps.problems import CATALOGUE, MEDIA_TYPE
from tests.serve_apps.support import Json, found, item, upsert

Kind = Literal["search", "write", "fresh"]
Outcome = Literal["answered", "refused cleanly", "failed", "broken off", "not connected"]
BOOKS = {f"book{at}-0": f"Chapter about topic{at} and its history." for at in range(40)}
_SLOTS = 10
_PATIENCE_MS = 20_000
_READERS = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One request: when it was sent (`time.monotonic`), how long it took, what came."""

    kind: Kind
    at: float
    seconds: float
    outcome: Outcome
    detail: str = ""
    degraded: bool = False


@dataclass(slots=True)
class Ledger:
    """Every request of a load, and every answer that was wrong."""

    entries: list[Entry] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def since(self, moment: float) -> list[Entry]:
        """Return the requests that were under way at `moment`, or were sent later."""
        return [entry for entry in self.entries if entry.at + entry.seconds >= moment]


def unanswered(entries: Iterable[Entry]) -> list[Entry]:
    """Return the requests without an answer, refused ones too."""
    return [entry for entry in entries if entry.outcome != "answered"]


def outcomes(entries: Iterable[Entry]) -> dict[str, int]:
    """Count the requests by kind and outcome."""
    return dict(Counter(f"{entry.kind}: {entry.outcome}" for entry in entries))


class Load:
    """Searchers and writers that ask, without a pause for long, until the block ends."""

    def __init__(self, url: str, searchers: int = 3, writers: int = 1, pause: float = 0.05) -> None:
        self.ledger = Ledger()
        self._url = url
        self._pause = pause
        self._stopping = asyncio.Event()
        self._jobs = [self._search] * searchers + [self._write] * writers
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        async with _client(self._url) as client:
            items = [item(name, text, namespace="books") for name, text in BOOKS.items()]
            await upsert(client, *items)
        self._tasks = [
            asyncio.create_task(self._repeat(job, number)) for number, job in enumerate(self._jobs)
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        await asyncio.gather(*self._tasks)

    async def answered(self, count: int) -> None:
        """Wait until `count` searches more were answered."""
        wanted = self._answers() + count
        async with asyncio.timeout(180):
            while self._answers() < wanted:
                await asyncio.sleep(0.05)

    def _answers(self) -> int:
        return sum(
            entry.kind == "search" and entry.outcome == "answered" for entry in self.ledger.entries
        )

    async def _repeat(
        self, job: Callable[[list[httpx.AsyncClient], int, int], Awaitable[None]], number: int
    ) -> None:
        clients = [_client(self._url) for _ in range(_READERS)]
        try:
            turn = 0
            while not self._stopping.is_set():
                await job(clients, number, turn)
                turn += 1
                await asyncio.sleep(self._pause)
        finally:
            for client in clients:
                await client.aclose()

    async def _search(self, clients: list[httpx.AsyncClient], number: int, turn: int) -> None:
        at = (turn * 7 + number * 13) % len(BOOKS)
        body = {
            "query": f"Chapter about topic{at}",
            "namespace": "books",
            "timeout_ms": _PATIENCE_MS,
        }
        answer = await self._ask("search", clients[0], "/hirag/query", body)
        if answer is not None:
            self._check_book(f"book{at}-0", answer)

    async def _write(self, clients: list[httpx.AsyncClient], number: int, turn: int) -> None:
        name, text = f"note{number}x{turn % _SLOTS}-0", f"A note that says word{number}x{turn}."
        body = {"items": [item(name, text, namespace="notes")], "replace": True}
        stored = await self._ask("write", clients[0], "/hirag/upsert-batch", body)
        if stored is None:
            return
        query = {
            "query": f"word{number}x{turn}",
            "namespace": "notes",
            "k": 50,
            "min_index_version": stored["index_version"],
            "timeout_ms": _PATIENCE_MS,
        }
        # Each on a connection of its own, so that HAProxy spreads them.
        asked = (self._ask("fresh", client, "/hirag/query", query) for client in clients)
        for answer in await asyncio.gather(*asked):
            if answer is not None:
                self._check_note(name, text, stored["index_version"], answer)

    async def _ask(
        self, kind: Kind, client: httpx.AsyncClient, path: str, body: Json
    ) -> Json | None:
        at = time.monotonic()
        try:
            answer = await client.post(path, json=body)
        except httpx.HTTPError as error:
            self._note(kind, at, _broken(error), repr(error))
            return None
        if answer.status_code != 200:
            outcome: Outcome = "refused cleanly" if is_clean(answer) else "failed"
            self._note(kind, at, outcome, f"{answer.status_code} {answer.text[:300]}")
            return None
        found_body: Json = answer.json()
        self._note(kind, at, "answered", degraded=bool(found_body.get("degraded")))
        return found_body

    def _note(
        self, kind: Kind, at: float, outcome: Outcome, detail: str = "", degraded: bool = False
    ) -> None:
        seconds = time.monotonic() - at
        self.ledger.entries.append(Entry(kind, at, seconds, outcome, detail, degraded))

    def _check_book(self, wanted: str, answer: Json) -> None:
        if any(BOOKS.get(hit["chunk_id"]) != hit["text"] for hit in answer["hits"]):
            self.ledger.wrong.append(f"passages that nobody stored: {answer}")
        without_words = any(part["stage"] == "lexical" for part in answer["degraded"])
        if not without_words and found(answer)[:1] != [wanted]:
            self.ledger.wrong.append(f"not {wanted} first: {answer}")

    def _check_note(self, name: str, text: str, version: int, answer: Json) -> None:
        texts = [hit["text"] for hit in answer["hits"] if hit["chunk_id"] == name]
        if texts != [text] or answer["index_version"] < version:
            self.ledger.wrong.append(f"{name} of version {version} is {texts}: {answer}")


def is_clean(answer: httpx.Response) -> bool:
    """Say whether `answer` refuses with a problem document and says when to come back."""
    return (
        answer.status_code in (429, 503)
        and answer.headers.get("content-type") == MEDIA_TYPE
        and answer.headers.get("retry-after", "").isdecimal()
        and answer.json()["type"] in CATALOGUE
    )


def _broken(error: httpx.HTTPError) -> Outcome:
    return "not connected" if isinstance(error, httpx.ConnectError) else "broken off"


def _client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, timeout=60, trust_env=False)
