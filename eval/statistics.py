"""Uncertainty of averages over queries, and of differences between two systems."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

RESAMPLES = 1_000
PERMUTATIONS = 10_000
SIGNIFICANCE = 0.05
_BLOCK = 2_000_000

Values = NDArray[np.float64]
Statistic = Callable[[Values], Values]
"""Takes samples as rows; returns one figure for each row."""


class Estimate(BaseModel):
    """A figure with its 95 % interval; `mean` is the figure, in most cases a mean."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"

    def signed(self) -> str:
        """Return it as a difference, with its sign."""
        return f"{self.mean:+.4f} [{self.low:+.4f}, {self.high:+.4f}]"


def row_means(samples: Values) -> Values:
    """Return the mean of each row."""
    means: Values = samples.mean(axis=1)
    return means


def bootstrap(
    values: Sequence[float],
    statistic: Statistic = row_means,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Return `statistic` of `values` and its 95 % percentile bootstrap interval.

    Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    Raises `ValueError` without values.
    """
    if len(values) == 0:
        raise ValueError("an average needs at least one value")
    sample = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    found = [
        statistic(sample[rng.integers(0, len(sample), (rows, len(sample)))])
        for rows in _rows(resamples, len(sample))
    ]
    low, high = np.percentile(np.concatenate(found), [2.5, 97.5])
    return Estimate(mean=float(statistic(sample[None, :])[0]), low=float(low), high=float(high))


def randomization_p(
    first: Sequence[float],
    second: Sequence[float],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> float:
    """Return the two-sided p-value of a paired randomisation test.

    Values are paired by query; under the null hypothesis each difference could as
    well have the other sign. Smucker, Allan & Carterette, CIKM 2007. All
    labellings are counted where there are no more than `permutations` of them;
    else as many are drawn, and the observed one is added, so that p is never 0.
    """
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    differences = differences[differences != 0]
    # The slack keeps equal sums equal, in whatever order they were added.
    least = abs(differences.sum()) - 1e-9
    if 2 ** len(differences) <= permutations:
        signs = np.array(list(itertools.product((-1, 1), repeat=len(differences))))
        return float((np.abs(signs @ differences) >= least).mean())
    rng, extreme = np.random.default_rng(seed), 0
    for rows in _rows(permutations, len(differences)):
        signs = rng.integers(0, 2, (rows, len(differences))) * 2 - 1
        extreme += int((np.abs(signs @ differences) >= least).sum())
    return (extreme + 1) / (permutations + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted for being looked at together, in the order given.

    Step-down: the i-th smallest of m is multiplied by m - i + 1 and is at least the
    one before it. Holm, Scandinavian Journal of Statistics, 1979.
    """
    adjusted, least = [0.0] * len(p_values), 0.0
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    for place, at in enumerate(order):
        least = max(least, min(1.0, p_values[at] * (len(p_values) - place)))
        adjusted[at] = least
    return adjusted


def _rows(total: int, width: int) -> list[int]:
    """Return how many rows of `width` to draw at a time, so that memory stays bounded."""
    most = max(1, _BLOCK // max(width, 1))
    return [min(most, total - start) for start in range(0, total, most)]
