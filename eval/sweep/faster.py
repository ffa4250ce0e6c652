"""A point that is as good as the one in force and takes less time.

It is chosen by the times of every other timed query, and judged by those of the rest: the
least of many times is in part the luckiest.
"""

from collections.abc import Mapping
from typing import Self

import numpy as np
from pydantic import BaseModel

from eval.comparison import Difference, Pair
from eval.sweep.exploring import Explored
from eval.sweep.folds import ByQuery
from eval.sweep.points import Point

EQUAL = 0.01
"""The share of a mean by which a point of equal quality may fall behind."""


class Faster(BaseModel):
    """The fastest point of equal quality against the one in force.

    `saved` is the share of the time that it saves, `speed` compares searches per
    second, paired by query.
    """

    point: Point
    saved: float
    quality: Difference
    speed: Difference
    known_items: Difference | None

    @classmethod
    def of(
        cls,
        point: Point | None,
        explored: Explored,
        now: Point,
        differences: Mapping[str, Difference],
    ) -> Self | None:
        """Return what `differences` say of `point`; None where there is none."""
        if point is None:
            return None
        taken = _mean(_judging(explored.seconds[point])) / _mean(_judging(explored.seconds[now]))
        return cls(
            point=point,
            saved=1 - taken,
            quality=differences["faster_quality"],
            speed=differences["faster_speed"],
            known_items=differences.get("faster_known_items"),
        )


def fastest(explored: Explored, now: Point) -> Point | None:
    """Return the point that takes the least time of those of equal quality.

    None where nothing was timed, or nothing that is as good takes less time than `now`.
    What judges it takes no part.
    """
    least = (1 - EQUAL) * _mean(explored.values[now])
    seconds = {
        point: _mean(_choosing(series))
        for point, series in explored.seconds.items()
        if _mean(explored.values[point]) >= least
    }
    found = min(seconds, key=seconds.__getitem__, default=now)
    return found if found != now and seconds[found] < seconds[now] else None


def speed_pairs(explored: Explored, now: Point, point: Point, metric: str) -> dict[str, Pair]:
    """Return what is to be compared between `point` and `now`."""
    values = explored.values
    before, after = (_judging(explored.seconds[each]) for each in (now, point))
    return {
        "faster_quality": Pair("quality", "hybrid", metric, values[now], values[point]),
        "faster_speed": Pair("speed", "hybrid", "searches/s", _rates(before), _rates(after)),
    }


def _choosing(seconds: ByQuery) -> ByQuery:
    return {query: seconds[query] for query in sorted(seconds)[::2]}


def _judging(seconds: ByQuery) -> ByQuery:
    """Return the other half; of a single query that one."""
    return {query: seconds[query] for query in sorted(seconds)[1::2] or seconds}


def _rates(seconds: ByQuery) -> dict[str, float]:
    return {query: 1 / taken for query, taken in seconds.items()}


def _mean(values: ByQuery) -> float:
    return float(np.mean(list(values.values())))
