"""Which points are tried: all, some at random, or where the better ones have been."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Protocol

from eval.errors import EvaluationError
from eval.sweep.points import Point, Value
from eval.sweep.spec import SweepSpec

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

# Points that are tried at once, so that indexes can be made side by side.
BATCH = 8


class Searching(Protocol):
    """Asks for points to be measured, and learns from what came out."""

    @property
    def tried(self) -> Sequence[Point]:
        """All points that were asked for so far, each once."""
        ...

    def ask(self) -> list[Point]:
        """Return the next points to measure; none: it is done."""
        ...

    def tell(self, means: Mapping[Point, float]) -> None:
        """Take in the mean of each point that was asked for last."""
        ...


class Listed:
    """All of a list of points, at once."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.tried: Sequence[Point] = ()
        self._points = list(dict.fromkeys(points))

    def ask(self) -> list[Point]:
        """Return all points, the first time."""
        asked, self._points = self._points, []
        self.tried = asked or self.tried
        return asked

    def tell(self, means: Mapping[Point, float]) -> None:
        """Nothing can be learnt: all points were asked for."""


class Guided:
    """Bayesian search by a tree-structured Parzen estimator, in batches.

    Bergstra et al., Algorithms for Hyper-Parameter Optimization, NIPS 2011, as Optuna
    has it. Numbers are known to be ordered, names are not. The same seed and values
    give the same points.
    """

    def __init__(self, spec: SweepSpec, now: Point, seed: int) -> None:
        # Loads for a second: only where it is needed.
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._spaces = {name: _space(values) for name, values in spec.dimensions.items()}
        self._spec, self._now = spec, now
        self._left = spec.trials or 0
        self._asked: list[tuple[int, Point]] = []
        self._tried: dict[Point, None] = {now: None}

    @property
    def tried(self) -> Sequence[Point]:
        """All points that were asked for so far, each once, the one in force first."""
        return list(self._tried)

    def ask(self) -> list[Point]:
        """Return the next points; the same one may come again."""
        if not self._left:
            return []
        trials = [self._study.ask(self._spaces) for _ in range(min(BATCH, self._left))]
        self._left -= len(trials)
        self._asked = [(trial.number, self._point(trial.params)) for trial in trials]
        self._tried |= dict.fromkeys(point for _, point in self._asked)
        return [point for _, point in self._asked]

    def tell(self, means: Mapping[Point, float]) -> None:
        """Take in the mean of each point that was asked for last."""
        for number, point in self._asked:
            self._study.tell(number, means[point])

    def _point(self, places: Mapping[str, int]) -> Point:
        return self._spec.point_at([places[name] for name in self._spec.dimensions], self._now)


def searches(spec: SweepSpec, now: Point, count: int) -> list[Searching]:
    """Return `count` searches, one for each group of queries that guides one.

    A search that no values guide is the same for all groups. The point in force is
    always tried. Raises `EvaluationError` for too many points.
    """
    if spec.search == "bayesian":
        return [Guided(spec, now, spec.seed + number) for number in range(count)]
    points = spec.points(now) if spec.search == "grid" else _drawn(spec, now)
    return [Listed([now, *points])]


def _drawn(spec: SweepSpec, now: Point) -> list[Point]:
    if spec.size < (wanted := spec.trials or 0):
        raise EvaluationError(
            f"trials: {wanted} of {spec.size} combinations cannot be drawn; take search grid"
        )
    return [spec.point(at, now) for at in Random(spec.seed).sample(range(spec.size), wanted)]


def _space(values: Sequence[Value]) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if any(isinstance(value, str | tuple) for value in values):
        return CategoricalDistribution(range(len(values)))
    return IntDistribution(0, len(values) - 1)
