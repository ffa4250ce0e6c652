"""What was found for one query, and what of it a setting finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.depths import Depths
from retrieval.retrievers import Candidates

COLUMNS = ("rows", "dense", "ranked", "lexical", "written", "weights", "joins")
"""The arrays of a query's lists, each with a row for each passage."""
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search of certain depths finds, a row for each passage; as in `QueryLists`."""

    rows: Rows
    dense: Floats
    ranked: Mask
    lexical: Floats
    weights: Floats


@dataclass(frozen=True, slots=True)
class QueryLists:
    """What the deepest search found for one query, a row for each passage, in the corpus's order.

    `rows` are places in the table of all passages. `dense` are cosines, known for every
    passage; `ranked` tells which of them the dense side found itself. `lexical` are BM25
    scores, NaN where that side did not find the passage, and `written` those of the query
    as it is written, without corrections. With a column for each set of
    types of entities that count, `weights` are what naming entities of the query adds at a
    boost of 1, 0 for most, and `joins` tells which passages that is enough for to be found.
    """

    query_id: str
    rows: Rows
    dense: Floats
    ranked: Mask
    lexical: Floats
    written: Floats
    weights: Floats
    joins: Mask

    @classmethod
    def of(
        cls,
        query_id: str,
        found: Sequence[Candidates],
        written: Sequence[Candidates],
        places: Mapping[int, int],
    ) -> "QueryLists":
        """Gather what was found with each set of types; `places` are those of addresses.

        Only what entities bring in differs. `written` is the same for the query without
        corrections; what it says by words differs, and so what it knows of.
        """
        dense: dict[int, float] = {}
        for each in (*found, *written):
            dense |= each.dense or {}
        mine = np.array(sorted(dense), dtype=np.int64)
        known = list(zip(found, written, strict=True))
        return cls(
            query_id,
            np.array([places[address] for address in mine.tolist()], dtype=np.int64),
            np.array([dense[address] for address in mine.tolist()], dtype=np.float64),
            np.isin(mine, list(found[0].dense_ranked)),
            _words(found[0], mine),
            _words(written[0], mine),
            np.column_stack([np.maximum(*(_weights(one, mine) for one in pair)) for pair in known]),
            np.column_stack([np.isin(mine, each.joining) for each in found]),
        )

    def found(self, depths: Depths, types: int | None, corrects: bool = True) -> Found:
        """Return what a search of certain depths finds where the set `types` counts, if any.

        With `corrects` unknown words are read as others.
        """
        near = self.ranked & _first(np.where(self.ranked, self.dense, -np.inf), depths.dense)
        spelt = self.lexical if corrects else self.written
        listed = ~np.isnan(spelt)
        words = listed & _first(np.where(listed, spelt, -np.inf), depths.lexical)
        kept, weights = near | words, np.zeros(len(self.rows))
        if types is not None:
            weights = self.weights[:, types]
            kept |= self._joined(self.joins[:, types] & ~kept, weights, depths.joining)
        lexical = np.where(words, spelt, np.nan)
        return Found(self.rows[kept], self.dense[kept], near[kept], lexical[kept], weights[kept])

    def _joined(self, others: Mask, weights: Floats, count: int) -> Mask:
        """Return which of `others` join, in the order in which the pipeline lets them."""
        places = np.flatnonzero(others)
        best = np.lexsort((-self.dense[places], -weights[places]))[:count]
        joined = np.zeros(len(others), dtype=np.bool_)
        joined[places[best]] = True
        return joined


def _words(found: Candidates, addresses: Rows) -> Floats:
    words = found.lexical or {}
    return np.array([words.get(address, np.nan) for address in addresses.tolist()], np.float64)


def _weights(found: Candidates, addresses: Rows) -> Floats:
    weights = found.mentions.weights
    return np.array([weights.get(address, 0.0) for address in addresses.tolist()], np.float64)


def _first(scores: Floats, count: int) -> Mask:
    """Return which rows hold the `count` highest scores; of equal ones the first rows."""
    chosen = np.zeros(len(scores), dtype=np.bool_)
    chosen[np.argsort(-scores, kind="stable")[:count]] = True
    return chosen
