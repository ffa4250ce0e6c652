"""The entities of one moment, the names by which they are found, and who mentions them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from retrieval.dense.segment import Addresses
from retrieval.entity import Entity
from retrieval.graph.asking import asked_types
from retrieval.graph.folding import words
from retrieval.graph.linking import Link, Linker, meant
from retrieval.graph.mentioned import (
    LinkedEntity,
    Mentioned,
    RelatedEntity,
    Tie,
    specificity,
    strength,
)
from retrieval.graph.mentions import Mentioning, Postings
from retrieval.graph.neighbors import Neighbor

# More names than this in one query say little each; neighbors fill up what is left.
_MOST_ENTITIES = 8
# Neighbors whose mentions are counted, the surest of all that the query leads to.
_MOST_CONSIDERED = 64
_ARTICLES = ("a", "an", "the")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a search looks up: a query in namespaces, and the passages of one version.

    `types` restricts names of the query to entities of these types, in any case; `fragments`
    are those of the version, which holds `total` passages in the namespaces.
    """

    query: str
    namespaces: Sequence[str]
    fragments: Iterable[str]
    total: int
    types: Sequence[str] | None = None
    neighbors: bool = True


@dataclass(frozen=True, slots=True)
class GraphSnapshot:
    """Entities, known by their position, the linker of each namespace, neighbors and mentions.

    `postings` are keyed as the fragments of a `retrieval.dense.snapshot.Snapshot` are.
    """

    entities: Sequence[Entity] = ()
    linkers: Mapping[str, Linker] = field(default_factory=dict)
    postings: Mapping[str, Postings] = field(default_factory=dict)
    neighbors: Mapping[int, Sequence[Neighbor]] = field(default_factory=dict)

    def covers(self, namespaces: Iterable[str]) -> bool:
        """Say whether there is any entity in `namespaces`."""
        return any(name in self.linkers for name in namespaces)

    def find(self, asked: Asked) -> Mentioned | None:
        """Return the entities that the query names and passages mention, and their neighbors.

        At most 8 together: of those named the most specific, of neighbors the strongest.
        None where no passage mentions any.
        """
        numbers = sorted(self._linked(asked))
        if not numbers:
            return None
        linked = self._named(numbers, asked)
        left = _MOST_ENTITIES - len(linked) if asked.neighbors else 0
        related = self._related(numbers, left, asked) if left else []
        return Mentioned(tuple(linked), tuple(related)) if linked or related else None

    def _named(self, numbers: Sequence[int], asked: Asked) -> list[LinkedEntity]:
        """Return those of the entities `numbers` that passages mention, the most specific first."""
        mentioning = self._mentioning(numbers, asked)
        counts = mentioning.counts()
        ascending = sorted(range(len(counts)), key=counts.__getitem__)
        return [
            LinkedEntity(
                self.entities[numbers[at]].name,
                specificity(counts[at], asked.total),
                mentioning.rows(at),
            )
            for at in [at for at in ascending if counts[at]][:_MOST_ENTITIES]
        ]

    def _linked(self, asked: Asked) -> set[int]:
        linkers = [self.linkers[name] for name in asked.namespaces if name in self.linkers]
        closer = partial(self._closer, asked.query)
        numbers = {
            number for linker in linkers for number in meant(linker.link(asked.query), closer)
        }
        if asked.types is None:
            return numbers
        wanted = {name.upper() for name in asked.types}
        return {number for number in numbers if self.entities[number].type in wanted}

    def _closer(self, query: str, name: Link, sure: Collection[int]) -> Collection[int]:
        """Return who of the bearers of `name` is a neighbor of a sure one, else of the type said.

        The type is said right before or behind, as in "the singer Mercury", "Mercury the planet".
        """
        if near := {
            bearer
            for bearer in name.entities
            if any(each.number in sure for each in self.neighbors.get(bearer, ()))
        }:
            return near
        found = words(query)
        behind = [word for word in found[name.end : name.end + 2] if word not in _ARTICLES]
        beside = found[max(0, name.start - 1) : name.start] + behind[:1]
        types = {bearer: self.entities[bearer].type for bearer in name.entities}
        said = asked_types(" ".join(beside), types.values())
        return {bearer for bearer, kind in types.items() if kind in said}

    def _related(self, numbers: Sequence[int], left: int, asked: Asked) -> list[RelatedEntity]:
        """Return the `left` strongest neighbors of the entities `numbers`, the strongest first."""
        around = self._around(numbers)
        kinds = asked_types(asked.query, {self.entities[each.number].type for each, _ in around})
        mentioning = self._mentioning([each.number for each, _ in around], asked)
        found = []
        for at, ((each, _), rows) in enumerate(zip(around, mentioning.counts(), strict=True)):
            if rows:
                entity = self.entities[each.number]
                sure = specificity(rows, asked.total)
                owed = strength(sure, each.confidence, asked=entity.type in kinds)
                found.append((-owed, entity.name, at))
        # Only the rows of those that are kept are put together.
        return [
            self._entity(*around[at], mentioning.rows(at), asked.total, kinds)
            for _, _, at in sorted(found)[:left]
        ]

    def _around(self, numbers: Sequence[int]) -> list[tuple[Neighbor, int]]:
        """Return the neighbors of the entities `numbers`, the surest first, and whose they are."""
        around: dict[int, tuple[Neighbor, int]] = {}
        for number in numbers:
            for each in self.neighbors.get(number, ()):
                known = around.get(each.number)
                if known is None or known[0].confidence < each.confidence:
                    around[each.number] = each, number
        for number in numbers:
            around.pop(number, None)
        return sorted(around.values(), key=lambda item: -item[0].confidence)[:_MOST_CONSIDERED]

    def _entity(
        self, neighbor: Neighbor, of: int, rows: Addresses, total: int, kinds: Collection[str]
    ) -> RelatedEntity:
        entity, known = self.entities[neighbor.number], self.entities[of].name
        name = entity.name
        subject, object_ = (known, name) if neighbor.outgoing else (name, known)
        tie = Tie(subject, neighbor.type, object_, neighbor.confidence)
        sure = specificity(len(rows), total)
        return RelatedEntity(name, sure, rows, tie, asked=entity.type in kinds)

    def _mentioning(self, numbers: Sequence[int], asked: Asked) -> Mentioning:
        return Mentioning(
            [self.postings[key] for key in asked.fragments if key in self.postings], numbers
        )
