"""Choosing a setting without believing its luck.

The best of two hundred settings is in part the luckiest. So the choice is made
again on all parts of the queries but one, and judged on that one; together the
parts say what choosing in this way is worth on queries that it has not seen.
Stone, Journal of the Royal Statistical Society B, 1974.
"""

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

Key = TypeVar("Key")
ByQuery = Mapping[str, float]


def split(queries: Sequence[str], folds: int, seed: int) -> list[list[str]]:
    """Return `folds` parts of `queries`, of nearly equal size, drawn by `seed`."""
    shuffled = sorted(queries)
    random.Random(seed).shuffle(shuffled)
    return [shuffled[at::folds] for at in range(min(folds, len(shuffled)))]


def best(values: Mapping[Key, ByQuery], queries: Sequence[str]) -> Key:
    """Return the key with the highest mean over `queries`; of equal ones the first."""
    return max(values, key=lambda key: round(_mean(values[key], queries), 9))


def held_out(
    values: Mapping[Key, ByQuery], folds: Sequence[Sequence[str]]
) -> tuple[dict[str, float], list[Key]]:
    """Return each query's value under the setting chosen without it, and the choices."""
    seen: dict[str, float] = {}
    chosen: list[Key] = []
    for fold in folds:
        others = [query for other in folds if other is not fold for query in other]
        choice = best(values, others)
        chosen.append(choice)
        seen |= {query: values[choice][query] for query in fold}
    return seen, chosen


def _mean(values: ByQuery, queries: Sequence[str]) -> float:
    return float(np.mean([values[query] for query in queries]))
