"""Uncertainty of averages over queries."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel

RESAMPLES = 1_000
PERMUTATIONS = 10_000


class Estimate(BaseModel):
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


def bootstrap(values: Sequence[float], *, resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """Return the mean of `values` and its 95 % percentile bootstrap interval.

    Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    Raises `ValueError` without values.
    """
    if len(values) == 0:
        raise ValueError("an average needs at least one value")
    sample = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(sample), (resamples, len(sample)))
    low, high = np.percentile(sample[drawn].mean(axis=1), [2.5, 97.5])
    return Estimate(mean=float(sample.mean()), low=float(low), high=float(high))


def randomization_p(
    first: Sequence[float],
    second: Sequence[float],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> float:
    """Return the two-sided p-value of a paired randomisation test.

    Values are paired by query; under the null hypothesis each difference could as
    well have the other sign. Smucker, Allan & Carterette, CIKM 2007. The observed
    labelling counts as one of the permutations, so that p is never 0.
    """
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    observed = abs(differences.sum())
    signs = np.random.default_rng(seed).integers(0, 2, (permutations, len(differences))) * 2 - 1
    sums = np.abs(signs @ differences)
    # The slack keeps equal sums equal, in whatever order they were added.
    extreme = int((sums >= observed - 1e-9).sum())
    return (extreme + 1) / (permutations + 1)
