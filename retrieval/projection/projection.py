"""Keeping one engine equal to the corpus."""

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import lance
import pyarrow as pa

from retrieval.corpus.locking import sole
from retrieval.corpus.numbering import give_id, id_of, index_version, numbering_of
from retrieval.corpus.store import Corpus
from retrieval.corpus.tables import write
from retrieval.errors import EngineBusyError, EngineError
from retrieval.projection.base import Engine, Generation, Position, Refusal, Table
from retrieval.projection.comparing import Comparison, compare
from retrieval.projection.difference import Difference, difference
from retrieval.projection.rows import BATCH_ROWS, at, marks_of, whole

_LOG = logging.getLogger(__name__)
_SWAP_PATIENCE_S = 600.0
_SHOWN = 3
_Datasets = Mapping[str, lance.LanceDataset]


class Projection:
    """Brings the rows of `tables` into `engine`; safe from any thread and process.

    The table `chunks` must be among them. Methods block, and raise `EngineError` for
    trouble with the engine and `CorpusError` for trouble with the corpus.
    """

    def __init__(
        self,
        corpus: Corpus,
        engine: Engine,
        tables: Sequence[Table],
        stopped: threading.Event | None = None,
    ) -> None:
        self.engine = engine
        self._uri = corpus.chunks_uri
        self._tables = {table.name: table for table in tables}
        # An engine that waits for long knows it as well.
        self._stopped = stopped or threading.Event()

    @property
    def name(self) -> str:
        """What the projection is called."""
        return self.engine.name

    @cached_property
    def corpus_id(self) -> str:
        """The id of the corpus, which is given one if it has none."""
        write(self._uri, give_id)
        found = write(self._uri, id_of)
        assert found is not None
        return found

    def stop(self) -> None:
        """Give up what is being written, now and later, with an `EngineError`."""
        self._stopped.set()

    def look(self) -> Position | None:
        """Return what searches of the engine see now, or None where it is nothing of ours."""
        found = self._usable()
        return found[1] if found else None

    def follow(self) -> bool:
        """Bring the engine to the newest version; False where another process is at it.

        Builds it where there is nothing yet, or entries of another shape.
        """
        with sole(self._uri, f"follow-{self.name}") as ours:
            if not ours:
                return False
            if found := self._usable():
                try:
                    self._catch_up(*found)
                except EngineBusyError:
                    return False
                return True
        self._must_not_be_foreign()
        return self.rebuild()

    def rebuild(self) -> bool:
        """Fill a new generation and let searches use it; False where somebody is at it.

        It also takes the place of entries that belong to another corpus.
        """
        with sole(self._uri, f"rebuild-{self.name}") as ours:
            if not ours:
                return False
            generation = self.engine.begin(self.corpus_id)
            datasets = self._datasets()
            for name, dataset in datasets.items():
                self._put(generation, name, whole(dataset, self._tables[name]), dataset)
            position = self._position(datasets)
            generation.settle(position)
            with sole(self._uri, f"follow-{self.name}", _SWAP_PATIENCE_S) as alone:
                if not alone:
                    raise EngineError(f"{self.name}: another process has been writing for too long")
                self._catch_up(generation, position)
                generation.publish()
            return True

    def compare(self) -> list[Comparison]:
        """Compare every item with the version shown, or the newest where that one is gone.

        Returns [] where the engine holds nothing of ours.
        """
        if not (found := self._usable()):
            return []
        generation, position = found
        return [
            compare(generation, self._tables[name], self._at(name, position) or dataset)
            for name, dataset in self._datasets().items()
        ]

    def verify(self) -> bool:
        """Mend the engine where it does not hold as many items as it should.

        That finds out what is lost, or was put there by somebody else. Returns whether
        there was something to mend.
        """
        with sole(self._uri, f"follow-{self.name}") as ours:
            if not ours or not (found := self._usable()) or self._is_complete(*found):
                return False
            try:
                self._mend_all(found[0])
            except EngineBusyError:
                return False
            if self._is_complete(found[0], self._position(self._datasets())):
                return True
        _LOG.warning("%s: cannot be mended; it is built anew", self.name)
        return self.rebuild()

    def _usable(self) -> tuple[Generation, Position] | None:
        generation = self.engine.current()
        position = generation.position() if generation else None
        if generation is None or position is None or position.shape != self.engine.shape:
            return None
        return (generation, position) if position.corpus == self.corpus_id else None

    def _must_not_be_foreign(self) -> None:
        generation = self.engine.current()
        position = generation.position() if generation else None
        if position and position.corpus != self.corpus_id:
            raise EngineError(
                f"{self.name}: what is there belongs to another corpus; give this mesh a name of "
                f"its own there, or take its place with `pmoves rebuild {self.name}`"
            )

    def _is_complete(self, generation: Generation, position: Position) -> bool:
        shown = {name: self._at(name, position) for name in position.versions}
        return all(
            dataset is None or generation.count(name) == dataset.count_rows()
            for name, dataset in shown.items()
        )

    def _catch_up(self, generation: Generation, position: Position) -> None:
        datasets = self._datasets()
        newest = self._position(datasets)
        if newest == position:
            return
        for name, dataset in datasets.items():
            before = self._at(name, position) if newest.offset == position.offset else None
            if before is None:
                self._mend(generation, name, dataset)
            elif before.version != dataset.version:
                changes = difference(self._tables[name], before, dataset)
                self._apply(generation, name, changes, dataset)
        generation.settle(newest)

    def _mend_all(self, generation: Generation) -> None:
        datasets = self._datasets()
        for name, dataset in datasets.items():
            self._mend(generation, name, dataset)
        generation.settle(self._position(datasets))

    def _mend(self, generation: Generation, name: str, dataset: lance.LanceDataset) -> None:
        found = compare(generation, self._tables[name], dataset)
        if not found.equal:
            _LOG.warning("%s: %s; mending it", self.name, found)
            self._apply(generation, name, found.mending, dataset)

    def _apply(
        self, generation: Generation, name: str, changes: Difference, dataset: lance.LanceDataset
    ) -> None:
        version, keys = index_version(dataset), changes.remove
        for start in range(0, len(keys), BATCH_ROWS):
            part = keys[start : start + BATCH_ROWS]
            _must_take(self.name, generation.remove(name, part, version))
        self._put(generation, name, at(dataset, self._tables[name], changes.put), dataset)

    def _put(
        self,
        generation: Generation,
        name: str,
        batches: Iterable[pa.Table],
        dataset: lance.LanceDataset,
    ) -> None:
        version, table = index_version(dataset), self._tables[name]
        for rows in batches:
            if self._stopped.is_set():
                raise EngineError(f"{self.name}: stopped before it was done; nothing is lost")
            _must_take(self.name, generation.put(name, rows, marks_of(rows, table), version))

    def _datasets(self) -> dict[str, lance.LanceDataset]:
        opened = {name: table.open() for name, table in self._tables.items()}
        return {name: dataset for name, dataset in opened.items() if dataset is not None}

    def _position(self, datasets: _Datasets) -> Position:
        return Position(
            corpus=self.corpus_id,
            offset=numbering_of(datasets["chunks"]).offset,
            versions={name: int(dataset.version) for name, dataset in datasets.items()},
            shape=self.engine.shape,
        )

    def _at(self, name: str, position: Position) -> lance.LanceDataset | None:
        """Return the version of a table that `position` names, None where it is gone."""
        newest, wanted = self._tables[name].open(), position.versions.get(name)
        if newest is None or wanted is None or wanted > int(newest.version):
            return None
        try:
            return newest.checkout_version(wanted)
        except (ValueError, OSError):
            return None


def _must_take(name: str, refused: Sequence[Refusal]) -> None:
    if refused:
        some = "; ".join(f"{'/'.join(part.key)}: {part.reason}" for part in refused[:_SHOWN])
        raise EngineError(f"{name}: {len(refused)} items were refused ({some})")
