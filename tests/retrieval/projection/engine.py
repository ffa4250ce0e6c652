"""An engine in memory that keeps the promises of `retrieval.projection.base`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from retrieval.chunk import JsonValue
from retrieval.corpus.store import Corpus
from retrieval.errors import EngineError
from retrieval.projection.base import Key, Position, Refusal, Table

CHUNKS = ("namespace", "chunk_id")


def chunks_table(corpus: Corpus) -> Table:
    """The chunks with their text."""
    marks = ("content_hash", "created_at")
    return Table("chunks", CHUNKS, marks, ("indexed_text",), corpus.dataset)


@dataclass(slots=True)
class Entry:
    """An item: its mark, the version of its last write, its text; None once removed."""

    mark: str
    version: int
    text: JsonValue


@dataclass(slots=True)
class MemoryGeneration:
    """Items in a dictionary; `writes` counts those that changed something."""

    engine: "MemoryEngine"
    name: str
    entries: dict[Key, Entry] = field(default_factory=dict)
    noted: Position | None = None
    writes: int = 0
    refuses: set[Key] = field(default_factory=set)

    def position(self) -> Position | None:
        return self.noted

    def put(
        self, table: str, rows: pa.Table, marks: Sequence[str], version: int
    ) -> Sequence[Refusal]:
        for row, mark in zip(rows.to_pylist(), marks, strict=True):
            key = tuple(row[name] for name in CHUNKS)
            self._write(key, Entry(mark, version, row["indexed_text"]))
        return [Refusal(key, "full") for key in self.refuses]

    def remove(self, table: str, keys: Sequence[Key], version: int) -> Sequence[Refusal]:
        for key in keys:
            self._write(key, Entry("", version, None))
        return []

    def settle(self, position: Position) -> None:
        self.noted = position

    def publish(self) -> None:
        self.engine.serving = self

    def count(self, table: str) -> int:
        return len(self.held())

    def items(self, table: str) -> Iterator[Sequence[tuple[Key, str]]]:
        yield [(key, entry.mark) for key, entry in self.held().items()]

    def held(self) -> dict[Key, Entry]:
        """The items that were not removed."""
        return {key: entry for key, entry in self.entries.items() if entry.text is not None}

    def _write(self, key: Key, entry: Entry) -> None:
        before = self.entries.get(key)
        if before is None or before.version <= entry.version:
            self.writes += 1
            self.entries[key] = entry


@dataclass(slots=True)
class MemoryEngine:
    """An engine named `memory`; `away` makes every call fail."""

    name: str = "memory"
    shape: str = "1"
    serving: MemoryGeneration | None = None
    begun: int = 0
    away: bool = False

    def current(self) -> MemoryGeneration | None:
        if self.away:
            raise EngineError("memory is away")
        return self.serving

    def begin(self, corpus: str) -> MemoryGeneration:
        self.begun += 1
        return MemoryGeneration(self, str(self.begun))
