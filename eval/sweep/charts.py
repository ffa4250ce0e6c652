"""Where the marks of a sweep's charts stand; the template only draws them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eval.comparison import Difference
from eval.sweep.plateau import HeatMap
from eval.sweep.points import Point, value_text

CELL_WIDTH, CELL_HEIGHT = 44.0, 30.0
LEFT, TOP = 96.0, 8.0
PLOT_WIDTH, PLOT_HEIGHT = 420.0, 150.0
ROW = 34.0
_LETTER = 7.0
_LONGEST = 14


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the map: its corner, its share of the range, and what stands in it."""

    x: float
    y: float
    share: float
    text: str
    title: str
    chosen: bool
    in_force: bool


@dataclass(frozen=True, slots=True)
class MapChart:
    """The heat map: `least` and `most` are the ends of its colours."""

    width: float
    height: float
    left: float
    across: Sequence[tuple[float, str]]
    down: Sequence[tuple[float, str]]
    cells: Sequence[Cell]
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Mark:
    """One value of a part: where it stands, what is under it, and the best mean that it reaches."""

    x: float
    y: float
    label: str
    short: str
    mean: float
    chosen: bool
    in_force: bool


@dataclass(frozen=True, slots=True)
class LineChart:
    """The best mean for each value of one part; `path` joins numbers and is empty for names."""

    name: str
    marks: Sequence[Mark]
    path: str
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Interval:
    """One difference with its interval on the common scale of all."""

    y: float
    low: float
    mean: float
    high: float
    label: str
    text: str
    verdict: str


@dataclass(frozen=True, slots=True)
class IntervalChart:
    """Differences, one below the other; `zero` is where there is none."""

    height: float
    zero: float
    rows: Sequence[Interval]


def map_chart(found: HeatMap, chosen: Point, in_force: Point) -> MapChart:
    """Lay out the cells of `found`, and mark those of two points."""
    left = max(LEFT, 12 + _LETTER * max(map(len, found.down)))
    means = [mean for row in found.cells for mean in row if mean is not None]
    return MapChart(
        left + len(found.across) * CELL_WIDTH + 8,
        TOP + len(found.down) * CELL_HEIGHT + 40,
        left,
        [(left + (at + 0.5) * CELL_WIDTH, text) for at, text in enumerate(found.across)],
        [(TOP + (at + 0.5) * CELL_HEIGHT, text) for at, text in enumerate(found.down)],
        list(_cells(found, left, (min(means), max(means)), chosen, in_force)),
        min(means),
        max(means),
    )


def line_charts(
    profiles: Mapping[str, Mapping[str, float]], chosen: Point, in_force: Point
) -> list[LineChart]:
    """Lay out a chart for each part, all on one scale, so that flat ones look flat."""
    means = [mean for profile in profiles.values() for mean in profile.values()]
    least, most = min(means, default=0), max(means, default=0)
    return [
        _line_chart(name, profile, (least, most), chosen, in_force)
        for name, profile in profiles.items()
    ]


def interval_chart(gains: Mapping[str, Difference]) -> IntervalChart:
    """Lay out the relative differences of `gains`, so that metrics share one scale."""
    rows = {name: _relative(gain) for name, gain in gains.items()}
    ends = [0.0, *(end for row in rows.values() for end in row)]
    low, high = min(ends), max(ends)
    margin = 0.05 * (high - low or 1)

    def at(value: float) -> float:
        return PLOT_WIDTH * _share(value, low - margin, high + margin)

    found = []
    for number, (name, gain) in enumerate(gains.items()):
        least, mean, most = map(at, rows[name])
        text = f"{gain.difference.signed()}, p {gain.p_corrected:.4f}"
        y = ROW * (number + 0.5)
        found.append(Interval(y, least, mean, most, name, text, gain.verdict))
    return IntervalChart(ROW * len(found), at(0.0), found)


def _cells(
    found: HeatMap, left: float, ends: tuple[float, float], chosen: Point, in_force: Point
) -> Iterator[Cell]:
    marked = _place(found, chosen), _place(found, in_force)
    for row, line in enumerate(found.cells):
        for column, mean in enumerate(line):
            if mean is None:
                continue
            yield Cell(
                left + column * CELL_WIDTH,
                TOP + row * CELL_HEIGHT,
                _share(mean, *ends),
                f"{mean:.3f}".lstrip("0"),
                f"{found.across_name} {found.across[column]}, "
                f"{found.down_name} {found.down[row]}: {mean:.4f}",
                *((column, row) == place for place in marked),
            )


def _line_chart(
    name: str,
    profile: Mapping[str, float],
    ends: tuple[float, float],
    chosen: Point,
    in_force: Point,
) -> LineChart:
    named, xs = _positions(profile)
    marked = value_text(chosen.parts()[name]), value_text(in_force.parts()[name])
    marks = [
        Mark(
            PLOT_WIDTH * _share(x, xs[0], xs[-1]),
            PLOT_HEIGHT * (1 - _share(mean, *ends)),
            text,
            text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…",
            mean,
            *(text == value for value in marked),
        )
        for x, (text, mean) in zip(xs, profile.items(), strict=True)
    ]
    path = "" if named else " ".join(f"{mark.x:.1f},{mark.y:.1f}" for mark in marks)
    return LineChart(name, marks, path, *ends)


def _positions(profile: Mapping[str, float]) -> tuple[bool, list[float]]:
    """Return whether the values are names, and where they stand: names side by side."""
    try:
        return False, [float(text) for text in profile]
    except ValueError:
        return True, [float(at) for at in range(len(profile))]


def _place(found: HeatMap, point: Point) -> tuple[int, int] | None:
    parts = point.parts()
    column, row = value_text(parts[found.across_name]), value_text(parts[found.down_name])
    if column not in found.across or row not in found.down:
        return None
    return found.across.index(column), found.down.index(row)


def _relative(gain: Difference) -> tuple[float, float, float]:
    """Return low end, mean and high end as shares of the figure in force."""
    scale = gain.before.mean or 1.0
    ends = gain.difference
    return ends.low / scale, ends.mean / scale, ends.high / scale


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5
