"""The entities of one namespace under curation: rows are merged into them.

Two rows mean the same entity when their slugs, or their types and names, differ in
nothing but case, accents, spacing and punctuation.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from retrieval.entity import Alias, Entity
from retrieval.errors import InvalidInputError
from retrieval.graph.dictionary_rows import DictionaryRow
from retrieval.graph.folding import compact, is_acronym, words

_MERGED = "merged"


class Dictionary:
    """The entities of `namespace`, changed step by step."""

    def __init__(self, namespace: str, entities: Iterable[Entity] = ()) -> None:
        self._namespace = namespace
        self._entities: dict[str, Entity] = {}
        self._aliases: dict[str, dict[tuple[str, bool], Alias]] = {}
        self._slugs: dict[str, str] = {}
        self._names: dict[tuple[str, str], str] = {}
        for entity in entities:
            self._keep(entity)

    def __iter__(self) -> Iterator[Entity]:
        """Yield the entities with all their aliases."""
        for key, entity in self._entities.items():
            yield replace(entity, aliases=tuple(self._aliases[key].values()))

    def add(self, row: DictionaryRow) -> None:
        """Merge `row`; what it says of an alias that is known goes before."""
        slug = "-".join(words(row.persona_slug or row.persona_name))
        known = self._slugs.get(compact(slug)) or self._names.get(
            (row.entity_type, compact(row.persona_name))
        )
        if known is None:
            known = slug
            self._keep(_entity(self._namespace, slug, row))
        if row.alias:
            self._note(known, _alias(row))

    def add_alias(self, entity_id: str, alias: Alias) -> None:
        """Give an entity another name; `InvalidInputError` if it is not known or has no word."""
        self._require(entity_id)
        if not words(alias.name):
            raise InvalidInputError(f"the alias {alias.name!r} holds no letter and no digit")
        self._note(entity_id, alias)

    def merge(self, kept: str, other: str) -> None:
        """Give the names of `other` to `kept`, and remove it.

        Raises `InvalidInputError` where they are the same or one is not known.
        """
        self._require(kept)
        gone = self._require(other)
        if kept == other:
            raise InvalidInputError(f"{kept!r} cannot be merged with itself")
        aliases = [*self._aliases[other].values()]
        self.remove(other)
        for alias in (Alias(gone.name, _MERGED, gone.source, "", gone.confidence), *aliases):
            self._note(kept, alias)

    def remove(self, entity_id: str) -> None:
        """Remove an entity; `InvalidInputError` if it is not known."""
        self._require(entity_id)
        del self._entities[entity_id], self._aliases[entity_id]
        self._slugs = {key: value for key, value in self._slugs.items() if value != entity_id}
        self._names = {key: value for key, value in self._names.items() if value != entity_id}

    def _keep(self, entity: Entity) -> None:
        key = entity.entity_id
        self._entities[key] = entity
        self._aliases[key] = {}
        self._slugs[compact(key)] = key
        self._names[entity.type, compact(entity.name)] = key
        for alias in entity.aliases:
            self._note(key, alias)

    def _note(self, entity_id: str, alias: Alias) -> None:
        if alias.kind == _MERGED:
            # The next import of the same file must not bring the other entity back.
            self._names[self._entities[entity_id].type, compact(alias.name)] = entity_id
        # An acronym is found in capitals only, so the same word without them is another alias.
        self._aliases[entity_id][" ".join(words(alias.name)), is_acronym(alias.name)] = alias

    def _require(self, entity_id: str) -> Entity:
        if (entity := self._entities.get(entity_id)) is None:
            raise InvalidInputError(
                f"there is no entity {entity_id!r} in the namespace {self._namespace!r}; "
                "see `pmoves entities list`"
            )
        return entity


def _entity(namespace: str, slug: str, row: DictionaryRow) -> Entity:
    return Entity(
        namespace,
        slug,
        row.persona_name,
        row.entity_type,
        source=row.source,
        confidence=row.confidence,
    )


def _alias(row: DictionaryRow) -> Alias:
    return Alias(
        row.alias, row.alias_type, row.source, row.source_reference, row.confidence, row.notes
    )
