"""Figures as shapes: intervals, distributions and courses, in a field of 100 by 100.

The templates draw them as SVG that stretches to any width, and write all labels as
text beside it, so that they stay readable on a phone.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.metrics import LATENCIES
from eval.metrics.latency import percentile_ms
from eval.statistics import Estimate
from retrieval.query import Mode

FIELD = 100.0
_BINS = 40
_LEAST_MS = 0.01


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle from the ground up; `left` and `width` to the right, `height` upwards."""

    left: float
    width: float
    height: float
    count: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on an axis with its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Distribution:
    """How often answers took how long, on a logarithmic axis from `low` to `high` ms."""

    name: str
    bars: Sequence[Bar]
    marks: Sequence[Mark]
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Whisker:
    """An interval: its ends and its figure, from left to right."""

    low: float
    high: float
    mean: float


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from `low` to `high`."""

    low: float
    high: float

    @classmethod
    def of(cls, estimates: Sequence[Estimate], also: Sequence[float] = ()) -> "Scale":
        """Return the axis that shows all `estimates` and the values in `also`."""
        values = [*also, *(value for item in estimates for value in (item.low, item.high))]
        low, high = min(values, default=0.0), max(values, default=1.0)
        return cls(low, high) if high > low else cls(low - 0.5, high + 0.5)

    def place(self, value: float) -> float:
        """Return where `value` stands, from 0 to 100."""
        share = (value - self.low) / (self.high - self.low)
        return round(FIELD * min(max(share, 0.0), 1.0), 2)

    def whisker(self, found: Estimate) -> Whisker:
        """Return the shape of an interval."""
        return Whisker(self.place(found.low), self.place(found.high), self.place(found.mean))


def distributions(seconds: Mapping[Mode, Sequence[float]]) -> list[Distribution]:
    """Return a distribution for each mode, all on one axis; none of what has no times."""
    times = {
        name: [max(value * 1e3, _LEAST_MS) for value in found]
        for name, found in seconds.items()
        if found
    }
    if not times:
        return []
    every = [math.log10(value) for found in times.values() for value in found]
    scale = Scale.of([], every)
    return [_distribution(name, found, scale) for name, found in times.items()]


def _distribution(name: str, times: Sequence[float], scale: Scale) -> Distribution:
    counts = [0] * _BINS
    for value in times:
        counts[min(int(scale.place(math.log10(value)) / FIELD * _BINS), _BINS - 1)] += 1
    width, most = FIELD / _BINS, max(counts)
    bars = [
        Bar(round(at * width, 2), round(width * 0.9, 2), round(FIELD * count / most, 2), count)
        for at, count in enumerate(counts)
        if count
    ]
    percentiles = {
        label: percentile_ms([value / 1e3 for value in times], label) for label in LATENCIES
    }
    marks = [
        Mark(scale.place(math.log10(value)), f"{label.removesuffix('_ms')} {value:.1f} ms")
        for label, value in percentiles.items()
    ]
    ends = f"{10**scale.low:.3g} ms", f"{10**scale.high:.3g} ms"
    return Distribution(name, bars, marks, *ends)
