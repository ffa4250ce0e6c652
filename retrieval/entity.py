"""People, works and things that passages speak of, and the names by which they are known."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name of an entity and where it is from; `confidence` lies in [0, 1].

    `kind` says what sort of name it is (stage name, handle), `reference` where in the
    source it stands.
    """

    name: str
    kind: str = ""
    source: str = ""
    reference: str = ""
    confidence: float = 1.0
    notes: str = ""


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity of a namespace; its id is unique there. `type` is in capitals."""

    namespace: str
    entity_id: str
    name: str
    type: str
    aliases: tuple[Alias, ...] = ()
    source: str = ""
    confidence: float = 1.0

    def names(self) -> Iterator[str]:
        """Yield the name, then the aliases."""
        yield self.name
        for alias in self.aliases:
            yield alias.name
