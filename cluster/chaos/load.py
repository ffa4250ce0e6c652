"""Constant load on a mesh: searches and writes that begin at a fixed rate, whatever is slow.

Searches ask for passages whose answer is known; writes store passages and ask for them
again by the version that the write had. At the end every acknowledged write is looked for.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from cluster.chaos.ledger import Entry, Kind, Ledger, Outcome, is_clean, outcome_of
from cluster.chaos.material import BOOKS, Json, Notes, book_fault, item, note_fault
from cluster.errors import MeshError

_PATIENCE_MS = 20_000
_READERS = 3
_TRIES = 60
_ANSWERED_S = 180.0


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """How many searches and writes begin in a second, and how many may be out at once.

    `slots` is the number of notes; after that many writes they are written anew. Books and
    notes have namespaces of their own, which begin with `prefix`.
    """

    url: str
    api_key: str = ""
    searches_per_s: float = 8.0
    writes_per_s: float = 1.0
    most_searches: int = 16
    most_writes: int = 4
    slots: int = 200
    prefix: str = "chaos"

    @property
    def books(self) -> str:
        """The namespace of the books."""
        return f"{self.prefix}-books"

    @property
    def notes(self) -> str:
        """The namespace of the notes."""
        return f"{self.prefix}-notes"


class Load:
    """Asks until the block ends; then no acknowledged write may be missing."""

    def __init__(self, plan: LoadPlan) -> None:
        self.plan = plan
        self.ledger = Ledger()
        self.notes = Notes()
        self._version = self._books_version = 0
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._clients = [client_of(plan) for _ in range(_READERS)]

    async def __aenter__(self) -> Self:
        books = [item(name, text, self.plan.books) for name, text in BOOKS.items()]
        answer = await self._clients[0].post("/hirag/upsert-batch", json={"items": books})
        self._books_version = answer.raise_for_status().json()["index_version"]
        plan = self.plan
        self._tasks = [
            asyncio.create_task(self._begin(self._search, plan.searches_per_s, plan.most_searches)),
            asyncio.create_task(self._begin(self._write, plan.writes_per_s, plan.most_writes)),
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()
        for client in self._clients:
            await client.aclose()

    async def stop(self) -> None:
        """Begin nothing more, and wait for what is out."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)

    async def answered(self, count: int) -> None:
        """Wait until `count` searches more were answered.

        Raises `MeshError` where that takes longer than three minutes.
        """
        wanted = self._answers() + count
        given_up = time.monotonic() + _ANSWERED_S
        while self._answers() < wanted:
            if time.monotonic() > given_up:
                raise MeshError(f"{count} searches were not answered within {_ANSWERED_S:.0f} s")
            await asyncio.sleep(0.05)

    async def lost_writes(self) -> list[str]:
        """Return what is wrong with the notes now: every acknowledged one is read.

        A mesh that answers none of `_TRIES` questions for one is not asked for the others.
        """
        faults: list[str] = []
        # The load may go on meanwhile.
        for name, before in list(self.notes.acknowledged.items()):
            try:
                stored = await self._stored(name)
            except MeshError as error:
                return [*faults, str(error)]
            if stored != before and (fault := self.notes.fault(name, stored)):
                faults.append(fault)
        return faults

    async def clean_up(self) -> None:
        """Remove what the load has stored, as far as the mesh answers."""
        for namespace, names in ((self.plan.books, BOOKS), (self.plan.notes, self.notes.attempts)):
            for name in names:
                path = f"/documents/{name.split('-')[0]}"
                try:
                    await self._clients[0].delete(path, params={"namespace": namespace})
                except httpx.ConnectError:
                    return

    def _answers(self) -> int:
        return sum(
            entry.kind == "search" and entry.outcome == "answered" for entry in self.ledger.entries
        )

    async def _begin(self, job: Callable[[int], Awaitable[None]], per_s: float, most: int) -> None:
        """Begin `job` at its rate, with its number; hold back what would be too many."""
        out: set[asyncio.Task[None]] = set()
        began, number = time.monotonic(), 0
        while not self._stopping.is_set():
            if len(out) < most:
                task = asyncio.ensure_future(job(number))
                out.add(task)
                task.add_done_callback(out.discard)
            else:
                self.ledger.held_back += 1
            number += 1
            await asyncio.sleep(max(0.0, began + number / per_s - time.monotonic()))
        await asyncio.gather(*out)

    async def _search(self, number: int) -> None:
        at = (number * 7) % len(BOOKS)
        body = self._question(f"Chapter about topic{at}", self.plan.books)
        # The first ones may go to a gateway that has not heard of the books yet.
        body["min_index_version"] = self._books_version
        answer = await self._ask("search", self._clients[0], "/hirag/query", body)
        if answer is not None:
            self._blame(book_fault(f"book{at}-0", answer))

    async def _write(self, number: int) -> None:
        name, text = f"note{number % self.plan.slots}-0", f"A note that says word{number}."
        body = {"items": [item(name, text, self.plan.notes)], "replace": True}
        self.notes.begin(name, text)
        stored = await self._ask("write", self._clients[0], "/hirag/upsert-batch", body)
        if stored is None:
            return
        self.notes.acknowledge(name, text)
        version = stored["index_version"]
        self._version = max(self._version, version)
        query = self._question(f"word{number}", self.plan.notes)
        query |= {"k": 50, "min_index_version": version}
        # Each on connections of its own, so that HAProxy spreads them.
        asked = (self._ask("fresh", client, "/hirag/query", query) for client in self._clients)
        for answer in await asyncio.gather(*asked):
            if answer is not None:
                self._blame(note_fault(name, text, version, answer))

    def _question(self, words: str, namespace: str) -> Json:
        return {"query": words, "namespace": namespace, "timeout_ms": _PATIENCE_MS}

    def _blame(self, fault: str | None) -> None:
        if fault is not None:
            self.ledger.wrong.append(fault)

    async def _stored(self, name: str) -> str | None:
        """Return the text of a note; asked again while the mesh refuses or is degraded."""
        query = self._question("a note that says", self.plan.notes)
        query |= {"mode": "lexical", "filters": {"doc_id": name.split("-")[0]}}
        query["min_index_version"] = self._version
        for _ in range(_TRIES):
            answer = await self._ask("search", self._clients[0], "/hirag/query", query)
            if answer is not None and not answer["degraded"]:
                texts = [hit["text"] for hit in answer["hits"] if hit["chunk_id"] == name]
                return texts[0] if texts else None
            await asyncio.sleep(1)
        raise MeshError(f"{name} and what follows could not be read: no answer in {_TRIES} tries")

    async def _ask(
        self, kind: Kind, client: httpx.AsyncClient, path: str, body: Json
    ) -> Json | None:
        at = time.monotonic()
        try:
            answer = await client.post(path, json=body)
        except httpx.HTTPError as error:
            self._note(kind, at, outcome_of(error), repr(error))
            return None
        if answer.status_code != 200:
            outcome: Outcome = "refused cleanly" if is_clean(answer) else "failed"
            self._note(kind, at, outcome, f"{answer.status_code} {answer.text[:300]}")
            return None
        found: Json = answer.json()
        self._note(kind, at, "answered", degraded=bool(found.get("degraded")))
        return found

    def _note(
        self, kind: Kind, at: float, outcome: Outcome, detail: str = "", degraded: bool = False
    ) -> None:
        seconds = time.monotonic() - at
        self.ledger.entries.append(Entry(kind, at, seconds, outcome, detail, degraded))


def client_of(plan: LoadPlan) -> httpx.AsyncClient:
    """Return a client of the mesh of `plan`, which has its key."""
    headers = {"Authorization": f"Bearer {plan.api_key}"} if plan.api_key else {}
    return httpx.AsyncClient(base_url=plan.url, headers=headers, timeout=60, trust_env=False)
