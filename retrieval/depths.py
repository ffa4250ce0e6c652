"""How deep each side of a search looks."""

from dataclasses import dataclass
from typing import Self

from retrieval.settings import SearchSettings

PER_HIT = 4
"""Passages that each side fetches for one that is asked for."""


@dataclass(frozen=True, slots=True, order=True)
class Depths:
    """How many passages each side fetches, and how many join since they mention an entity."""

    dense: int
    lexical: int
    joining: int

    @classmethod
    def of(cls, settings: SearchSettings, k: int, least: int = 0) -> Self:
        """Return the depths of a search for `k` hits; each is `least` at least."""
        floor = max(PER_HIT * k, least)
        both = settings.candidates
        dense, lexical = settings.dense_candidates or both, settings.lexical_candidates or both
        return cls(max(dense, floor), max(lexical, floor), max(both, floor))

    def deeper(self, other: "Depths") -> "Depths":
        """Return the depths that are enough for both."""
        return Depths(
            max(self.dense, other.dense),
            max(self.lexical, other.lexical),
            max(self.joining, other.joining),
        )
