"""The choice of a setting that is as good and takes less time."""

import random

from eval.comparison import compare_pairs
from eval.sweep.exploring import Explored
from eval.sweep.faster import Faster, fastest, speed_pairs
from eval.sweep.folds import ByQuery
from eval.sweep.points import IndexSetting, Point, Setting

QUERIES = [f"q{number:02}" for number in range(20)]
POINTS = [
    Point(
        index=IndexSetting(), search=Setting(fusion="convex", alpha=number / 100, neighbor_share=0)
    )
    for number in range(100)
]
NOW = POINTS[0]


def explored(seed: int, quick: Point | None = None) -> Explored:
    """All points are as good, and as fast but for noise and for `quick`."""
    draw = random.Random(seed)
    values: dict[Point, ByQuery] = {point: dict.fromkeys(QUERIES, 0.5) for point in POINTS}
    seconds: dict[Point, ByQuery] = {
        point: {
            query: draw.lognormvariate(0, 0.2) * (0.5 if point == quick else 1) for query in QUERIES
        }
        for point in POINTS
    }
    return Explored(values, seconds)


def found(measured: Explored) -> Faster | None:
    point = fastest(measured, NOW)
    if point is None:
        return None
    pairs = speed_pairs(measured, NOW, point, "nDCG@10")
    differences = dict(zip(pairs, compare_pairs(list(pairs.values())), strict=True))
    return Faster.of(point, measured, NOW, differences)


def test_the_luckiest_of_many_is_not_called_faster() -> None:
    faster = [found(explored(seed)) for seed in range(20)]
    wrong = [
        each for each in faster if each and each.saved > 0.1 and each.speed.verdict == "better"
    ]
    assert len(wrong) <= 1


def test_what_takes_half_the_time_is_found() -> None:
    faster = found(explored(1, POINTS[7]))
    assert faster is not None
    assert faster.point == POINTS[7]
    assert 0.3 < faster.saved < 0.7
    assert faster.speed.verdict == "better"


def test_nothing_timed_is_nothing_faster() -> None:
    measured = explored(1)
    measured.seconds.clear()
    assert found(measured) is None
