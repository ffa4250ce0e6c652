"""The entities of one moment, the names by which they are found, and who mentions them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from retrieval.dense.segment import Addresses
from retrieval.entity import Entity
from retrieval.graph.linking import Linker
from retrieval.graph.mentioned import LinkedEntity, Mentioned, specificity
from retrieval.graph.mentions import Postings

# More names than this in one query say little each.
_MOST_ENTITIES = 8


@dataclass(frozen=True, slots=True)
class GraphSnapshot:
    """Entities, known by their position, the linker of each namespace, and mentions.

    `postings` are keyed as the fragments of a `retrieval.dense.snapshot.Snapshot` are.
    """

    entities: Sequence[Entity] = ()
    linkers: Mapping[str, Linker] = field(default_factory=dict)
    postings: Mapping[str, Postings] = field(default_factory=dict)

    def covers(self, namespaces: Iterable[str]) -> bool:
        """Say whether there is any entity in `namespaces`."""
        return any(name in self.linkers for name in namespaces)

    def find(
        self,
        query: str,
        namespaces: Iterable[str],
        types: Sequence[str] | None,
        fragments: Iterable[str],
        total: int,
    ) -> Mentioned | None:
        """Return the entities that `query` names and passages in `fragments` mention.

        At most 8, the most specific of `total` passages; None where there is none. `types`
        restricts them to entities of these types, in any case.
        """
        numbers = np.array(sorted(self._linked(query, namespaces, types)), np.int64)
        if not len(numbers):
            return None
        parts = [self.postings[key].of(numbers) for key in fragments if key in self.postings]
        found = [
            self._entity(number, [part[at] for part in parts if len(part[at])], total)
            for at, number in enumerate(numbers.tolist())
        ]
        mentioned = sorted(filter(None, found), key=lambda entity: len(entity.rows))
        return Mentioned(tuple(mentioned[:_MOST_ENTITIES])) if mentioned else None

    def _linked(
        self, query: str, namespaces: Iterable[str], types: Sequence[str] | None
    ) -> set[int]:
        linkers = [self.linkers[name] for name in namespaces if name in self.linkers]
        numbers = {
            number for linker in linkers for link in linker.link(query) for number in link.entities
        }
        if types is None:
            return numbers
        wanted = {name.upper() for name in types}
        return {number for number in numbers if self.entities[number].type in wanted}

    def _entity(self, number: int, parts: list[Addresses], total: int) -> LinkedEntity | None:
        if not parts:
            return None
        # The addresses of fragments do not overlap, so these ascend throughout.
        rows = np.concatenate(sorted(parts, key=lambda part: int(part[0])))
        return LinkedEntity(self.entities[number].name, specificity(len(rows), total), rows)
