"""Choosing a setting without believing its luck.

The best of two hundred settings is in part the luckiest. So the choice is made
again on all parts of the queries but one, and judged on that one; together the
parts say what choosing in this way is worth on queries that it has not seen.
Stone, Journal of the Royal Statistical Society B, 1974.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

import numpy as np

Key = TypeVar("Key")
ByQuery = Mapping[str, float]


def split(queries: Sequence[str], folds: int, seed: int) -> list[list[str]]:
    """Return `folds` parts of `queries`, of nearly equal size, drawn by `seed`."""
    shuffled = sorted(queries)
    random.Random(seed).shuffle(shuffled)
    return [shuffled[at::folds] for at in range(min(folds, len(shuffled)))]


def all_of(folds: Sequence[Sequence[str]]) -> list[str]:
    """Return the queries of all folds."""
    return [query for fold in folds for query in fold]


def others(folds: Sequence[Sequence[str]], number: int) -> list[str]:
    """Return the queries of all folds but that of `number`."""
    return all_of([fold for at, fold in enumerate(folds) if at != number])


def best(values: Mapping[Key, ByQuery], queries: Sequence[str]) -> Key:
    """Return the key with the highest mean over `queries`; of equal ones the first."""
    return max(values, key=lambda key: round(mean_over(values[key], queries), 9))


def held_out(
    values: Mapping[Key, ByQuery],
    folds: Sequence[Sequence[str]],
    allowed: Sequence[Collection[Key]] | None = None,
) -> tuple[dict[str, float], list[Key]]:
    """Return each query's value under the setting chosen without it, and the choices.

    `allowed` are the keys among which each fold may choose; without, all.
    """
    seen: dict[str, float] = {}
    chosen: list[Key] = []
    for number, fold in enumerate(folds):
        keys = values.keys() if allowed is None else allowed[number]
        choice = best({key: values[key] for key in keys}, others(folds, number))
        chosen.append(choice)
        seen |= {query: values[choice][query] for query in fold}
    return seen, chosen


def mean_over(values: ByQuery, queries: Sequence[str]) -> float:
    """Return the mean of `values` over `queries`."""
    return float(np.mean([values[query] for query in queries]))
