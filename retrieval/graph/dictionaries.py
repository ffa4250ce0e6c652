"""The newest dictionary of each namespace, as what finds its names."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from retrieval.corpus.entities import EntityTable, entities_in
from retrieval.entity import Entity
from retrieval.graph.linking import Linker


@dataclass(frozen=True, slots=True)
class Dictionaries:
    """Entities, known by their position, and by namespace the linker to these positions."""

    entities: Sequence[Entity] = ()
    linkers: Mapping[str, Linker] = field(default_factory=dict)

    def linker(self, namespace: str) -> Linker:
        """Return the linker of `namespace`, which finds nothing where it has no entity."""
        return self.linkers.get(namespace) or Linker(())


def dictionaries_of(entities: Sequence[Entity]) -> Dictionaries:
    """Return `entities` with their linkers; a namespace without any name has none."""
    names: dict[str, list[tuple[str, int]]] = {}
    for number, entity in enumerate(entities):
        mine = names.setdefault(entity.namespace, [])
        mine += [(name, number) for name in entity.names()]
    linkers = {namespace: Linker(mine) for namespace, mine in names.items()}
    return Dictionaries(entities, {name: linker for name, linker in linkers.items() if linker})


class NewestDictionaries:
    """Reads the entities table again when it has changed; safe from any thread."""

    def __init__(self, table: EntityTable) -> None:
        self._table = table
        self._lock = threading.Lock()
        self._version = 0
        self._newest = Dictionaries()

    def get(self) -> Dictionaries:
        """Return the newest dictionaries."""
        with self._lock:
            if not self._table.exists():
                return Dictionaries()
            dataset = self._table.dataset()
            if self._version != dataset.version:
                self._newest = dictionaries_of(entities_in(dataset))
                self._version = int(dataset.version)
            return self._newest
