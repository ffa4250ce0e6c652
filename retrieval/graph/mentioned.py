"""What the passages of a search owe to the entities that its query names."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retrieval.dense.segment import Addresses

_MOST_RECALLED = 2_000


@dataclass(frozen=True, slots=True)
class Tie:
    """A relation between an entity of the query and a neighbor of it, by their names."""

    subject: str
    type: str
    object: str
    confidence: float


@dataclass(frozen=True, slots=True)
class LinkedEntity:
    """An entity that a query names, and the ascending addresses of the rows that mention it.

    `specificity` is 1 for an entity that one passage mentions, and near 0 for one that all do.
    """

    name: str
    specificity: float
    rows: Addresses


@dataclass(frozen=True, slots=True)
class RelatedEntity:
    """A neighbor of an entity that a query names, by `tie`, and the rows that mention it.

    `asked` says that the query asks for something of its type, as "the band of …" does.
    """

    name: str
    specificity: float
    rows: Addresses
    tie: Tie
    asked: bool = False

    @property
    def strength(self) -> float:
        """How much a passage owes to it: specificity by confidence, all where it is asked for."""
        return 1.0 if self.asked else self.specificity * self.tie.confidence


@dataclass(frozen=True, slots=True)
class Mentions:
    """By row address: weights in (0, 1], and the names of the entities mentioned.

    `weights` are those of entities that the query names, `related` those of their neighbors,
    and `ties` say how these are related.
    """

    weights: dict[int, float] = field(default_factory=dict)
    names: dict[int, list[str]] = field(default_factory=dict)
    related: dict[int, float] = field(default_factory=dict)
    ties: dict[int, list[Tie]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mentioned:
    """The linked entities of one query, the most specific first; their neighbors, the strongest."""

    entities: tuple[LinkedEntity, ...]
    related: tuple[RelatedEntity, ...] = ()

    def recalled(self) -> Addresses:
        """Return the rows that mention the entities, about 2,000 at most; neighbors come last.

        What more passages than that mention tells little about any of them.
        """
        return np.unique(np.concatenate([np.empty(0, np.int64), *self._rare()]))

    def weights(self, rows: Addresses) -> NDArray[np.float64]:
        """Return the weight of each of `rows`, 0 where it mentions none of the linked entities.

        It is the sum of s * s over the entities mentioned, by the sum of s over all, s
        being their specificity: so what only a common entity speaks for weighs little.
        """
        total = sum(entity.specificity for entity in self.entities)
        weights = np.zeros(len(rows))
        for entity in self.entities:
            weights += _among(rows, entity.rows) * (entity.specificity**2 / total)
        return weights

    def related_weights(self, rows: Addresses) -> NDArray[np.float64]:
        """Return for each of `rows` the strength of the strongest neighbor that it mentions."""
        weights = np.zeros(len(rows))
        for entity in self.related:
            np.maximum(weights, _among(rows, entity.rows) * entity.strength, out=weights)
        return weights

    def among(self, rows: Iterable[int]) -> Mentions:
        """Return which of `rows` mention an entity, and how much that weighs."""
        found = Mentions()
        addresses = np.array(sorted(rows), np.int64)
        _note(found.weights, addresses, self.weights(addresses))
        _note(found.related, addresses, self.related_weights(addresses))
        everybody: list[LinkedEntity | RelatedEntity] = [*self.entities, *self.related]
        for entity in everybody:
            for address in addresses[_among(addresses, entity.rows)].tolist():
                found.names.setdefault(address, []).append(entity.name)
                if isinstance(entity, RelatedEntity):
                    found.ties.setdefault(address, []).append(entity.tie)
        return found

    def _rare(self) -> Iterator[Addresses]:
        left = _MOST_RECALLED
        groups: Sequence[Sequence[LinkedEntity | RelatedEntity]] = (self.entities, self.related)
        for group in groups:
            for entity in sorted(group, key=lambda entity: len(entity.rows)):
                if len(entity.rows) > left:
                    break
                left -= len(entity.rows)
                yield entity.rows


def specificity(rows: int, total: int) -> float:
    """Return ln(1 + total / rows) / ln(1 + total): how much naming an entity tells.

    `rows` of the `total` passages mention it.
    """
    return math.log1p(max(total, rows) / rows) / math.log1p(max(total, rows))


def _note(found: dict[int, float], addresses: Addresses, weights: NDArray[np.float64]) -> None:
    for at in np.flatnonzero(weights).tolist():
        found[int(addresses[at])] = float(weights[at])


def _among(rows: Addresses, ascending: Addresses) -> NDArray[np.bool_]:
    at = np.minimum(np.searchsorted(ascending, rows), len(ascending) - 1)
    among: NDArray[np.bool_] = ascending[at] == rows
    return among
