"""How long answers take."""

from collections.abc import Mapping, Sequence

import numpy as np

LATENCIES: Mapping[str, float] = {"p50_ms": 50, "p95_ms": 95, "p99_ms": 99}
"""Percentiles by the name that reports and thresholds use."""


def percentile_ms(seconds: Sequence[float], name: str) -> float:
    """Return the percentile `name` of `seconds`, in milliseconds.

    Between two observations it is interpolated linearly: definition 7 of Hyndman &
    Fan, The American Statistician, 1996. Raises `ValueError` without observations.
    """
    if not seconds:
        raise ValueError("a percentile needs at least one observation")
    return float(np.percentile(seconds, LATENCIES[name])) * 1e3
