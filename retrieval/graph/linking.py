"""Finding the names of a dictionary in a text, at word boundaries, the longest first.

Names are looked up by whole words: a word leads to the length of the longest name that
begins with it, and runs of that length and shorter are looked up in a table. That finds
what an Aho-Corasick automaton with leftmost-longest matches would, since no name ends
inside a word, and is built several times faster from 250,000 names.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from retrieval.graph.folding import bare_words, cased_words, is_acronym, words

Entities = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A name in a text: its words from `start` up to `end`, and all that bear the name."""

    entities: Entities
    start: int
    end: int


def meant(
    links: Sequence[Link],
    closer: Callable[[Link, Collection[int]], Collection[int]] = lambda _link, _sure: (),
) -> set[int]:
    """Return the entities that the names in one text mean.

    A name of several entities means those of them that another name in the text leads to
    alone, else those that `closer` picks, which is given the name and all entities that
    are sure. Where neither knows, it is left open and means all of them.
    """
    sure = {link.entities[0] for link in links if len(link.entities) == 1}
    found = set(sure)
    for link in links:
        if len(link.entities) > 1:
            found.update(sure.intersection(link.entities) or closer(link, sure) or link.entities)
    return found


class Linker:
    """Links texts to entities, known by their numbers; immutable and safe from any thread.

    `names` are pairs of a name and its entity. A name of several entities leads to all
    of them. Acronyms of up to four letters are found only where they stand in capitals,
    so that WHO is not found in "who".
    """

    def __init__(self, names: Iterable[tuple[str, int]]) -> None:
        self._names: dict[str, Entities] = {}
        self._acronyms: dict[str, Entities] = {}
        self._longest: dict[str, int] = {}
        for name, entity in names:
            self._add(name, entity)

    def __bool__(self) -> bool:
        """Whether there is any name to find."""
        return bool(self._longest)

    def link(self, text: str) -> list[Link]:
        """Return the names in `text`, in their order; none overlaps another."""
        if not self._longest:
            return []
        found = words(text)
        if self._longest.keys().isdisjoint(found):
            return []
        return list(self._links(found, text))

    def named(self, name: str) -> Entities:
        """Return all that bear the whole of `name`, whether or not "the" stands before it."""
        found, cased = words(name), cased_words(name)
        if len(cased) == 1 and (acronym := self._acronyms.get(cased[0])):
            return (*acronym, *self._names.get(found[0], ()))
        bare = bare_words(name)
        for key in (" ".join(found), " ".join(bare), " ".join(["the", *bare])):
            if entities := self._names.get(key):
                return entities
        return ()

    def _add(self, name: str, entity: int) -> None:
        found = words(name)
        if not found:
            return
        acronym = is_acronym(name)
        table, key = (
            (self._acronyms, cased_words(name)[0]) if acronym else (self._names, " ".join(found))
        )
        known = table.get(key, ())
        if entity not in known:
            table[key] = (*known, entity)
        if self._longest.get(found[0], 0) < len(found):
            self._longest[found[0]] = len(found)

    def _links(self, found: list[str], text: str) -> Iterator[Link]:
        longest, at = self._longest, 0
        cased = cased_words(text) if self._acronyms else found
        while at < len(found):
            if (most := longest.get(found[at])) is None:
                at += 1
                continue
            length, entities = self._at(found, at, min(most, len(found) - at), cased[at])
            if entities:
                yield Link(entities, at, at + length)
            at += length

    def _at(self, found: list[str], at: int, most: int, cased: str) -> tuple[int, Entities]:
        for length in range(most, 1, -1):
            if entities := self._names.get(" ".join(found[at : at + length])):
                return length, entities
        named = self._names.get(found[at], ())
        initials = self._acronyms.get(cased, ())
        return 1, (*named, *(entity for entity in initials if entity not in named))
