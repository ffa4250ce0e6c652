"""By how much a figure grows in an hour, with the interval that its noise leaves."""

import math
from collections.abc import Sequence
from statistics import fmean

from pydantic import BaseModel

# Two-sided 95 % of Student's t, by degrees of freedom; for many more, the normal's.
_T = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 8: 2.31, 10: 2.23, 15: 2.13, 20: 2.09}
_T |= {30: 2.04, 60: 2.00}
_NORMAL = 1.96


class Trend(BaseModel):
    """The line through a figure: its first and last value, and its slope an hour.

    `low` and `high` are the 95 % interval of the slope by least squares. Neighbouring
    samples resemble each other, so that the true interval is wider.
    """

    what: str
    first: float
    last: float
    per_hour: float
    low: float
    high: float

    @property
    def grows(self) -> bool:
        """Whether the interval lies above zero."""
        return self.low > 0


def trend(what: str, at_s: Sequence[float], values: Sequence[float]) -> Trend:
    """Return the line through `values` at `at_s` seconds; three samples at least."""
    if len(values) < 3:
        raise ValueError(f"{len(values)} samples make no trend; take three at least")
    hours = [moment / 3_600 for moment in at_s]
    middle, mean = fmean(hours), fmean(values)
    spread = math.fsum((hour - middle) ** 2 for hour in hours)
    pairs = list(zip(hours, values, strict=True))
    slope = math.fsum((hour - middle) * (value - mean) for hour, value in pairs) / spread
    left = math.fsum((value - mean - slope * (hour - middle)) ** 2 for hour, value in pairs)
    degrees = len(values) - 2
    error = _student(degrees) * math.sqrt(left / degrees / spread)
    return Trend(
        what=what,
        first=values[0],
        last=values[-1],
        per_hour=slope,
        low=slope - error,
        high=slope + error,
    )


def _student(degrees: int) -> float:
    """Return the next larger quantile in the table, so that an interval is never too narrow."""
    known = [count for count in _T if count <= degrees]
    return _T[max(known)] if degrees <= max(_T) else _NORMAL
