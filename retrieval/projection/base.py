"""What an engine offers, so that the corpus can be projected into it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import lance
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

Key = tuple[str, ...]
"""The values of a table's key columns."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the corpus as a projection reads it.

    A row is known by `keys`, and is the same as before when `marks` are. `columns` are
    those that the engine is given beside the keys. `open` returns the newest version, or
    None while the table does not exist.
    """

    name: str
    keys: tuple[str, ...]
    marks: tuple[str, ...]
    columns: tuple[str, ...]
    open: Callable[[], lance.LanceDataset | None]


class Position(BaseModel):
    """What a generation shows, as the engine itself keeps it.

    `corpus` is the id of the corpus and `offset` that of its index versions; `versions`
    are those of its tables, by name. `shape` names all that the engine's entries depend on
    beside the rows, such as a mapping: a projection of another shape is built anew.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    corpus: str
    offset: int
    versions: Mapping[str, int]
    shape: str

    @property
    def version(self) -> int:
        """The index version that searches of this generation see."""
        return self.offset + self.versions["chunks"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An item that the engine did not take, and why."""

    key: Key
    reason: str


class Generation(Protocol):
    """One build of a projection. All calls block, and raise `EngineError` for trouble.

    `table` is the name of a `Table`. Writes carry the `version` of the table that they were
    read from: an engine refuses silently what is older than what it holds. One that cannot
    raises `EngineBusyError` where somebody else writes, and notes no position that it is not
    sure of.
    """

    @property
    def name(self) -> str:
        """What the engine calls it."""
        ...

    def position(self) -> Position | None:
        """Return what was noted last; None while it is being built, or where it is not ours."""
        ...

    def put(
        self, table: str, rows: pa.Table, marks: Sequence[str], version: int
    ) -> Sequence[Refusal]:
        """Insert or update `rows`, which hold keys and columns; keep the mark of each."""
        ...

    def remove(self, table: str, keys: Sequence[Key], version: int) -> Sequence[Refusal]:
        """Remove the items known by `keys`; those that are not there are no refusals."""
        ...

    def settle(self, position: Position) -> None:
        """Let searches see what was written so far, then note `position`."""
        ...

    def publish(self) -> None:
        """Let searches use this generation, in one step; the one before goes."""
        ...

    def count(self, table: str) -> int:
        """Return the number of items that searches see."""
        ...

    def items(self, table: str) -> Iterator[Sequence[tuple[Key, str]]]:
        """Yield key and mark of every item that searches see, some thousand at a time."""
        ...


class Engine(Protocol):
    """Where generations live. All calls block, and raise `EngineError` for trouble."""

    @property
    def name(self) -> str:
        """What the projection is called: in locks, metrics and messages."""
        ...

    @property
    def shape(self) -> str:
        """See `Position.shape`."""
        ...

    def current(self) -> Generation | None:
        """Return the generation that searches use, or None."""
        ...

    def begin(self, corpus: str) -> Generation:
        """Return a new, empty generation for the corpus of that id, unseen by searches.

        Generations of the same corpus that were begun and never published may go.
        """
        ...
