"""What the passages of a search owe to the entities that its query names."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retrieval.dense.segment import Addresses

_MOST_RECALLED = 2_000


@dataclass(frozen=True, slots=True)
class LinkedEntity:
    """An entity that a query names, and the ascending addresses of the rows that mention it.

    `specificity` is 1 for an entity that one passage mentions, and near 0 for one that all do.
    """

    name: str
    specificity: float
    rows: Addresses


@dataclass(frozen=True, slots=True)
class Mentions:
    """By row address: a weight in (0, 1], and the names of the linked entities mentioned."""

    weights: dict[int, float] = field(default_factory=dict)
    names: dict[int, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mentioned:
    """The linked entities of one query, the most specific first."""

    entities: tuple[LinkedEntity, ...]

    def recalled(self) -> Addresses:
        """Return the rows that mention the entities, about 2,000 at most.

        What more passages than that mention tells little about any of them.
        """
        return np.unique(np.concatenate([np.empty(0, np.int64), *self._rare()]))

    def weights(self, rows: Addresses) -> NDArray[np.float64]:
        """Return the weight of each of `rows`, 0 where it mentions none of the entities.

        It is the sum of s * s over the entities mentioned, by the sum of s over all, s
        being their specificity: so what only a common entity speaks for weighs little.
        """
        total = sum(entity.specificity for entity in self.entities)
        weights = np.zeros(len(rows))
        for entity in self.entities:
            weights += _among(rows, entity.rows) * (entity.specificity**2 / total)
        return weights

    def among(self, rows: Iterable[int]) -> Mentions:
        """Return which of `rows` mention an entity, and how much that weighs."""
        found = Mentions()
        addresses = np.array(sorted(rows), np.int64)
        weights = self.weights(addresses)
        for at in np.flatnonzero(weights).tolist():
            found.weights[int(addresses[at])] = float(weights[at])
        for entity in self.entities:
            for address in addresses[_among(addresses, entity.rows)].tolist():
                found.names.setdefault(address, []).append(entity.name)
        return found

    def _rare(self) -> Iterator[Addresses]:
        left = _MOST_RECALLED
        for entity in self.entities:
            if len(entity.rows) > left:
                return
            left -= len(entity.rows)
            yield entity.rows


def specificity(rows: int, total: int) -> float:
    """Return ln(1 + total / rows) / ln(1 + total): how much naming an entity tells.

    `rows` of the `total` passages mention it.
    """
    return math.log1p(max(total, rows) / rows) / math.log1p(max(total, rows))


def _among(rows: Addresses, ascending: Addresses) -> NDArray[np.bool_]:
    at = np.minimum(np.searchsorted(ascending, rows), len(ascending) - 1)
    among: NDArray[np.bool_] = ascending[at] == rows
    return among
