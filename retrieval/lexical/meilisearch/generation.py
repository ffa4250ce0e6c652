"""The projection of the chunks into Meilisearch: an index a generation, swapped in when it is full.

An index keeps no notes, so the position is a document of it that no search can find. It
also says when the index was made: one that Meilisearch makes anew by itself, because somebody
dropped it while it was written to, has no position. Writes cannot be refused for their age.
Where others wrote at the same time, the position says that nothing is certain, so that all
is compared.
"""

import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from retrieval.chunk import utc_now
from retrieval.errors import EngineBusyError, EngineError
from retrieval.lexical.meilisearch.client import connect, telling
from retrieval.lexical.meilisearch.entries import analysis, entry, entry_id, shape
from retrieval.lexical.meilisearch.indexes import (
    NOTE,
    corpora_in,
    create,
    drop,
    made_at,
    note_in,
    position_in,
)
from retrieval.lexical.meilisearch.tasks import Tasks
from retrieval.lexical.pieces import pieces
from retrieval.lexical.table import KEYS, NAME
from retrieval.projection.base import Key, Position, Refusal
from retrieval.settings import MeilisearchSettings

if TYPE_CHECKING:
    from meilisearch_python_sdk import Client

_TIMEOUT_S = 30.0
_PAGE = 5_000
_MOST_INDEXES = 10_000


class IndexGeneration:
    """One index, made at `made`; see `retrieval.projection.base.Generation`."""

    def __init__(
        self,
        client: "Client",
        settings: MeilisearchSettings,
        name: str,
        made: str,
        stopped: threading.Event,
    ) -> None:
        self.name = name
        self._client = client
        self._settings = settings
        self._made = made
        self._index = client.index(name)
        self._tasks = Tasks(client, name, settings.task_timeout_s, stopped)
        self._read: Position | None = None
        self._began: int | None = None

    def position(self) -> Position | None:
        """Return what was noted last, or None."""
        with telling():
            self._read = position_in(self._client, self.name, self._made)
        return self._read

    def put(
        self, table: str, rows: pa.Table, marks: Sequence[str], version: int
    ) -> Sequence[Refusal]:
        """Insert or update `rows`; what cannot be indexed is told by `settle`."""
        analyze = analysis(self._settings.language)
        entries = [
            entry(row, mark, analyze) for row, mark in zip(rows.to_pylist(), marks, strict=True)
        ]
        with telling():
            self._begin()
            for piece in pieces(entries):
                self._tasks.send(self._index.add_documents(piece, "id"))
        return []

    def remove(self, table: str, keys: Sequence[Key], version: int) -> Sequence[Refusal]:
        """Remove the entries known by `keys`."""
        with telling():
            self._begin()
            self._tasks.send(self._index.delete_documents([entry_id(key) for key in keys]))
        return []

    def settle(self, position: Position) -> None:
        """Wait until all is indexed, then note `position`, or that nothing is certain."""
        with telling():
            self._begin()
            self._tasks.finish()
            if not self._others_wrote():
                self._write_note(position)
            # Once more: they may have come in while it was noted.
            if self._others_wrote():
                self._write_note(_uncertain(position))
        self._began = None

    def publish(self) -> None:
        """Let searches use this index; what stood in its place goes."""
        with telling():
            target = self._settings.index
            if made_at(self._client, target) is None:
                create(self._client, target, self._settings)
            self._tasks.send(self._client.swap_indexes([(target, self.name)]))
            self._tasks.finish()
            drop(self._client, [self.name], self._settings)

    def count(self, table: str) -> int:
        """Return the number of entries that searches see."""
        with telling():
            # One document is the position.
            return self._index.get_stats().number_of_documents - 1

    def items(self, table: str) -> Iterator[Sequence[tuple[Key, str]]]:
        """Yield key and mark of every entry that searches see."""
        fields, offset = ["id", *KEYS, "mark"], 0
        while True:
            with telling():
                found = self._index.get_documents(offset=offset, limit=_PAGE, fields=fields)
            if not found.results:
                return
            # What others have put there need not have a mark.
            yield [
                (tuple(str(row.get(name)) for name in KEYS), str(row.get("mark")))
                for row in found.results
                if row.get("id") != NOTE
            ]
            offset += _PAGE

    def _begin(self) -> None:
        """Make sure, before the first write, that nobody else is at it."""
        if self._began is not None:
            return
        newest = self._tasks.newest()
        if self._read is not None:
            if self._tasks.busy():
                raise EngineBusyError(f"meilisearch: somebody writes to {self.name} at the moment")
            if position_in(self._client, self.name, self._made) != self._read:
                raise EngineBusyError(f"meilisearch: somebody has written to {self.name} meanwhile")
        self._began = newest

    def _others_wrote(self) -> bool:
        return self._began is not None and self._tasks.others_wrote(self._began)

    def _write_note(self, position: Position) -> None:
        kept = {"position": position.model_dump(mode="json"), "made": self._made}
        self._tasks.send(self._index.add_documents([{"id": NOTE, **kept}], "id"))
        self._tasks.finish()


class MeilisearchEngine:
    """Where generations live; see `retrieval.projection.base.Engine`."""

    name = NAME

    def __init__(self, settings: MeilisearchSettings) -> None:
        analysis(settings.language)
        self.stopped = threading.Event()
        self._settings = settings
        self._client = connect(settings, _TIMEOUT_S)
        self.shape = shape(settings)

    def current(self) -> IndexGeneration | None:
        """Return the index that is searched, or None where there is none."""
        with telling():
            made = made_at(self._client, self._settings.index)
        return self._generation(self._settings.index, made) if made else None

    def begin(self, corpus: str) -> IndexGeneration:
        """Create an empty index for the corpus; those that were begun before and left go."""
        target = self._settings.index
        name = f"{target}-{utc_now():%Y%m%d%H%M%S}-{secrets.token_hex(3)}"
        with telling():
            self._must_be_ours(target)
            drop(self._client, self._left_over(corpus), self._settings)
            made = create(self._client, name, self._settings, note={"building": corpus})
        return self._generation(name, made)

    def version(self) -> str:
        """Return the release of the server."""
        with telling():
            return self._client.get_version().pkg_version

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _generation(self, name: str, made: str) -> IndexGeneration:
        return IndexGeneration(self._client, self._settings, name, made, self.stopped)

    def _must_be_ours(self, target: str) -> None:
        if made_at(self._client, target) is None or note_in(self._client, target):
            return
        found = self._client.index(target).get_documents(limit=1).results
        if found and "mark" not in found[0]:
            raise EngineError(
                f"meilisearch: {target} is an index that is not ours; remove it, or set "
                "PMOVES_MEILISEARCH__INDEX to another name"
            )

    def _left_over(self, corpus: str) -> list[str]:
        known = self._client.get_raw_indexes(limit=_MOST_INDEXES) or []
        ours = re.compile(rf"{re.escape(self._settings.index)}-\d{{14}}-[0-9a-f]{{6}}")
        names = [index.uid for index in known if ours.fullmatch(index.uid)]
        return [name for name in names if corpus in corpora_in(self._client, name)]


def _uncertain(position: Position) -> Position:
    """Return a position of other index versions, which leads to a comparison of all items."""
    return position.model_copy(update={"offset": -position.versions["chunks"]})
