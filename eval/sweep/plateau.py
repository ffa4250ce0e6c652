"""How the figures lie over the values that were tried: a plateau is safer than a peak."""

from collections.abc import Sequence

from pydantic import BaseModel

from eval.sweep.points import DIMENSIONS, Trial, Value, value_text


class HeatMap(BaseModel):
    """The best mean for each pair of values of two parts; None where none was tried.

    `cells` has a row for each of `down` and a column for each of `across`.
    """

    across_name: str
    down_name: str
    across: list[str]
    down: list[str]
    cells: list[list[float | None]]


def profiles(trials: Sequence[Trial]) -> dict[str, dict[str, float]]:
    """Return the best mean for each value of each part that was varied."""
    found: dict[str, dict[str, float]] = {}
    for name in varied(trials):
        best = _best(trials, (name,))
        found[name] = {value_text(value): best[(value,)] for value in _values(trials, name)}
    return found


def heat_map(trials: Sequence[Trial]) -> HeatMap | None:
    """Return the map over the two parts with the most values; None where fewer were varied."""
    names = sorted(varied(trials), key=lambda name: -len(_values(trials, name)))
    if len(names) < 2:
        return None
    across, down = (_values(trials, name) for name in names[:2])
    best = _best(trials, names[:2])
    return HeatMap(
        across_name=names[0],
        down_name=names[1],
        across=[value_text(value) for value in across],
        down=[value_text(value) for value in down],
        cells=[[best.get((column, row)) for column in across] for row in down],
    )


def varied(trials: Sequence[Trial]) -> list[str]:
    """Return the parts of which more than one value was tried."""
    return [name for name in DIMENSIONS if len(_values(trials, name)) > 1]


def _values(trials: Sequence[Trial], name: str) -> list[Value]:
    """Return the values of a part: numbers in their order, names as they came."""
    found = list(dict.fromkeys(trial.point.parts()[name] for trial in trials))
    numbers = sorted(value for value in found if isinstance(value, int | float))
    names = sorted(value for value in found if isinstance(value, str))
    return [*numbers, *names, *(value for value in found if isinstance(value, tuple))]


def _best(trials: Sequence[Trial], names: Sequence[str]) -> dict[tuple[Value, ...], float]:
    best: dict[tuple[Value, ...], float] = {}
    for trial in trials:
        parts = trial.point.parts()
        key = tuple(parts[name] for name in names)
        best[key] = max(trial.mean, best.get(key, trial.mean))
    return best
