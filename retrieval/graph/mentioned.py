"""What the passages of a search owe to the entities that its query names."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retrieval.dense.segment import Addresses

_MOST_RECALLED = 2_000
_NO_ROWS: Addresses = np.empty(0, np.int64)


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
        return strength(self.specificity, self.tie.confidence, asked=self.asked)


@dataclass(frozen=True, slots=True)
class Mentions:
    """By row address: the weights in (0, 1] of rows that mention entities, and which these are.

    `weights` are those of entities that the query names, `related` those of their neighbors.
    Column i of `who` says which of `entities` the row at the address `rows[i]` mentions; only
    the few rows that are shown are asked for it.
    """

    weights: dict[int, float] = field(default_factory=dict)
    related: dict[int, float] = field(default_factory=dict)
    entities: Sequence[LinkedEntity | RelatedEntity] = ()
    rows: Addresses = field(default_factory=lambda: _NO_ROWS)
    who: NDArray[np.bool_] = field(default_factory=lambda: np.empty((0, 0), np.bool_))

    def names(self, row: int) -> list[str]:
        """Return the names of the entities that a row mentions; neighbors come last."""
        return [entity.name for entity in self._of(row)]

    def ties(self, row: int) -> list[Tie]:
        """Return how the neighbors that a row mentions are related to entities of the query."""
        return [entity.tie for entity in self._of(row) if isinstance(entity, RelatedEntity)]

    def _of(self, row: int) -> list[LinkedEntity | RelatedEntity]:
        at = int(self.rows.searchsorted(row))
        if at == len(self.rows) or self.rows[at] != row:
            return []
        return [self.entities[each] for each in np.flatnonzero(self.who[:, at]).tolist()]


@dataclass(frozen=True, slots=True)
class Mentioned:
    """The linked entities of one query, the most specific first; their neighbors, the strongest."""

    entities: tuple[LinkedEntity, ...]
    related: tuple[RelatedEntity, ...] = ()

    def recalled(self) -> Addresses:
        """Return the rows that mention the entities, about 2,000 at most; neighbors come last.

        What more passages than that mention tells little about any of them.
        """
        return _ascending(np.concatenate([_NO_ROWS, *self._rare()]))

    def weights(self, rows: Addresses) -> NDArray[np.float64]:
        """Return the weight of each of `rows`, 0 where it mentions none of the linked entities.

        It is the sum of s * s over the entities mentioned, by the sum of s over all, s
        being their specificity: so what only a common entity speaks for weighs little.
        """
        return self._weights(_who(rows, self.entities))

    def related_weights(self, rows: Addresses) -> NDArray[np.float64]:
        """Return for each of `rows` the strength of the strongest neighbor that it mentions."""
        return self._related_weights(_who(rows, self.related))

    def among(self, rows: Iterable[int]) -> Mentions:
        """Return which of `rows` mention an entity, and how much that weighs."""
        addresses = _ascending(np.fromiter(rows, np.int64))
        everybody: list[LinkedEntity | RelatedEntity] = [*self.entities, *self.related]
        who = _who(addresses, everybody)
        linked, related = who[: len(self.entities)], who[len(self.entities) :]
        return Mentions(
            _noted(addresses, self._weights(linked)),
            _noted(addresses, self._related_weights(related)),
            everybody,
            addresses,
            who,
        )

    def _weights(self, who: NDArray[np.bool_]) -> NDArray[np.float64]:
        total = sum(entity.specificity for entity in self.entities)
        weights = np.zeros(who.shape[1])
        for entity, mentions in zip(self.entities, who, strict=True):
            weights += mentions * (entity.specificity**2 / total)
        return weights

    def _related_weights(self, who: NDArray[np.bool_]) -> NDArray[np.float64]:
        weights = np.zeros(who.shape[1])
        for entity, mentions in zip(self.related, who, strict=True):
            np.maximum(weights, mentions * entity.strength, out=weights)
        return weights

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


def strength(specificity: float, confidence: float, *, asked: bool) -> float:
    """Return how much a passage owes to a neighbor: see `RelatedEntity.strength`."""
    return 1.0 if asked else specificity * confidence


def _noted(addresses: Addresses, weights: NDArray[np.float64]) -> dict[int, float]:
    at = np.flatnonzero(weights)
    return dict(zip(addresses[at].tolist(), weights[at].tolist(), strict=True))


def _ascending(rows: Addresses) -> Addresses:
    """Return `rows` in order, each once; `np.unique` is ten times slower for so few."""
    ordered = np.sort(rows)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(rows) else rows


def _who(rows: Addresses, entities: Sequence[LinkedEntity | RelatedEntity]) -> NDArray[np.bool_]:
    """Return for each of `entities` which of `rows` mention it."""
    who = np.empty((len(entities), len(rows)), np.bool_)
    for entity, mentions in zip(entities, who, strict=True):
        at = entity.rows.searchsorted(rows)
        np.equal(entity.rows.take(at, mode="clip"), rows, out=mentions)
    return who
