"""Which entities have to do with which, read from the relations of all passages."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import lance
import pyarrow.compute as pc

from retrieval.corpus.store import Corpus
from retrieval.entity import Entity
from retrieval.graph.folding import bare_words, words
from retrieval.graph.linking import Linker
from retrieval.relation import CO_MENTION

# The source of entities that passages name and no dictionary holds.
FOUND = "passages"
_MOST_NEIGHBORS = 32
# Several passages never make it certain that two entities belong together.
_MOST_CONFIDENCE = 0.99

# What a relation says of those that stand at its ends.
_TYPES: Mapping[str, tuple[str, str]] = {
    "CREATED": ("", "WORK"),
    "WORKED_ON": ("PERSON", "WORK"),
    "MEMBER_OF": ("PERSON", "GROUP"),
    "WORKS_FOR": ("PERSON", "ORGANISATION"),
    "FOUNDED": ("PERSON", "ORGANISATION"),
    "LOCATED_IN": ("", "PLACE"),
    "FROM": ("", "PLACE"),
    "HOSTS": ("PERSON", "SHOW"),
    "APPEARED_ON": ("PERSON", "SHOW"),
    "INTERVIEWED": ("PERSON", "PERSON"),
    "FAMILY_OF": ("PERSON", "PERSON"),
    "TAUGHT": ("PERSON", "PERSON"),
    "PART_OF": ("WORK", ""),
}


@dataclass(frozen=True, slots=True)
class Neighbor:
    """An entity beside another one, by its number: how they are related, and how surely.

    `outgoing` says that the other one is the subject of the relation.
    """

    number: int
    type: str
    confidence: float
    outgoing: bool


@dataclass(frozen=True, slots=True)
class Stated:
    """What all documents of a namespace together say of two names."""

    namespace: str
    subject: str
    type: str
    object: str
    confidence: float
    documents: int


def stated_in(dataset: lance.LanceDataset) -> list[Stated]:
    """Return what the relations in a version of the table say, each triple of names once.

    Of documents that say the same with confidence c, the whole is 1 - Π (1 - c), below 0.99:
    the passages of one document repeat its title, and each other's last words.
    """
    triple = ["namespace", "subject", "type", "object"]
    table = dataset.to_table(columns=[*triple, "doc_id", "confidence"])
    each = table.group_by([*triple, "doc_id"]).aggregate([("confidence", "max")])
    sure = pc.min_element_wise(each["confidence_max"], _MOST_CONFIDENCE)
    each = each.append_column("doubt", pc.log1p(pc.negate(sure)))
    grouped = each.group_by(triple).aggregate([("doubt", "sum"), ([], "count_all")])
    return [
        Stated(
            row["namespace"],
            row["subject"],
            row["type"],
            row["object"],
            _confidence(row["doubt_sum"]),
            row["count_all"],
        )
        for row in grouped.to_pylist()
    ]


def neighbors_of(
    stated: list[Stated], linkers: Mapping[str, Linker]
) -> dict[int, tuple[Neighbor, ...]]:
    """Return the neighbors of each entity, the surest first, 32 at most.

    A name that several entities bear is left open: it makes nobody a neighbor.
    """
    named = _Names(linkers)
    found: dict[int, dict[int, Neighbor]] = {}
    for each in stated:
        subject, object_ = (named.one(each.namespace, name) for name in (each.subject, each.object))
        if subject is None or object_ is None or subject == object_:
            continue
        for one, other, outgoing in ((subject, object_, True), (object_, subject, False)):
            _note(found.setdefault(one, {}), Neighbor(other, each.type, each.confidence, outgoing))
    return {number: _surest(around) for number, around in found.items()}


def found_entities(stated: list[Stated], linkers: Mapping[str, Linker]) -> list[Entity]:
    """Return entities for the names in relations that no dictionary holds.

    Names that differ in nothing but case, accents, spacing and a leading "the" are one entity;
    its source is `passages`, its type what most of its relations make of it, else `NAME`.
    """
    groups: dict[tuple[str, str], list[tuple[str, str, float]]] = {}
    for each in stated:
        for at, name in enumerate((each.subject, each.object)):
            linker = linkers.get(each.namespace)
            if linker is None or not linker.named(name):
                kind = _TYPES.get(each.type, ("", ""))[at]
                key = each.namespace, _bare(name)
                groups.setdefault(key, []).append((name, kind, each.confidence))
    return [_entity(namespace, seen) for (namespace, _), seen in sorted(groups.items())]


def relations_about(corpus: Corpus, namespace: str, name: str | None = None) -> list[Stated]:
    """Return what the documents of `namespace` say, the surest first.

    With `name`, only what they say of the entities that bear it, by any of their names, or of
    the name itself.
    """
    found = [each for each in stated_in(corpus.relations.dataset()) if each.namespace == namespace]
    if name is not None:
        entities = corpus.entities.read([namespace])
        linker = Linker((alias, at) for at, each in enumerate(entities) for alias in each.names())
        wanted = {_bare(name)} | {
            _bare(alias) for at in linker.named(name) for alias in entities[at].names()
        }
        found = [each for each in found if {_bare(each.subject), _bare(each.object)} & wanted]
    return sorted(found, key=lambda each: (-each.confidence, each.subject, each.type, each.object))


def _bare(name: str) -> str:
    return "".join(bare_words(name))


class _Names:
    """Looks names up, each once."""

    def __init__(self, linkers: Mapping[str, Linker]) -> None:
        self._linkers = linkers
        self._known: dict[tuple[str, str], int | None] = {}

    def one(self, namespace: str, name: str) -> int | None:
        """Return the entity that alone bears `name`, or None."""
        if (key := (namespace, name)) not in self._known:
            linker = self._linkers.get(namespace)
            bearers = linker.named(name) if linker else ()
            self._known[key] = bearers[0] if len(bearers) == 1 else None
        return self._known[key]


def _note(around: dict[int, Neighbor], new: Neighbor) -> None:
    """Keep what says most: a typed relation before a co-mention, then the surer one."""
    known = around.get(new.number)
    if known is None or _rank(known) < _rank(new):
        around[new.number] = new


def _rank(neighbor: Neighbor) -> tuple[bool, float]:
    return neighbor.type != CO_MENTION, neighbor.confidence


def _surest(around: Mapping[int, Neighbor]) -> tuple[Neighbor, ...]:
    ordered = sorted(around.values(), key=lambda each: (-each.confidence, each.number))
    return tuple(ordered[:_MOST_NEIGHBORS])


def _confidence(doubt: float) -> float:
    return min(_MOST_CONFIDENCE, -math.expm1(doubt))


def _entity(namespace: str, seen: list[tuple[str, str, float]]) -> Entity:
    name = min({name for name, _, _ in seen}, key=lambda each: (-len(each), each))
    kinds = [kind for _, kind, _ in seen if kind]
    kind = max(sorted(set(kinds)), key=kinds.count) if kinds else "NAME"
    sure = max(confidence for _, _, confidence in seen)
    return Entity(namespace, "-".join(words(name)), name, kind, (), FOUND, round(sure, 3))
