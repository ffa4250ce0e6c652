"""A sweep as a YAML file describes it."""

import itertools
import math
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from eval.errors import EvaluationError
from eval.files import read_yaml_model
from eval.metrics import parse_metric
from retrieval.query import Fusion
from retrieval.settings import SearchSettings, Share

_MOST = 10_000


class Setting(BaseModel):
    """One way to join both sides; fields as in the settings of search."""

    model_config = ConfigDict(frozen=True)

    fusion: Fusion
    alpha: float
    neighbor_share: float

    def __str__(self) -> str:
        return f"{self.fusion}, alpha {self.alpha:g}, neighbor_share {self.neighbor_share:g}"

    @classmethod
    def of(cls, settings: SearchSettings) -> "Setting":
        """Return the setting in force."""
        return cls.model_validate(settings.model_dump(include=set(cls.model_fields)))


class Steps(BaseModel):
    """Values from `start` to `stop`, both included, `step` apart."""

    model_config = ConfigDict(extra="forbid")

    start: Share
    stop: Share
    step: Annotated[float, Field(ge=0.001, le=1)]

    @property
    def values(self) -> list[float]:
        """The values, rounded to a tenth of a thousandth."""
        count = int((self.stop - self.start) / self.step + 1e-9) + 1
        return [round(self.start + at * self.step, 4) for at in range(count)]


Shares = Annotated[list[Share], Field(min_length=1)] | Steps


class Grid(BaseModel):
    """The values to try; what is left out stays as it is set."""

    model_config = ConfigDict(extra="forbid")

    fusion: Annotated[list[Fusion], Field(min_length=1)] | None = None
    alpha: Shares | None = None
    neighbor_share: Shares | None = None

    def settings(self, now: Setting) -> list[Setting]:
        """Return every combination, each once; `now` is among them.

        Raises `EvaluationError` for too many.
        """
        fusions = self.fusion or [now.fusion]
        alphas = _values(self.alpha, now.alpha)
        shares = _values(self.neighbor_share, now.neighbor_share)
        count = math.prod((len(fusions), len(alphas), len(shares)))
        if count > _MOST:
            raise EvaluationError(f"the grid has {count} settings; at most {_MOST} are tried")
        found = [
            Setting(fusion=fusion, alpha=alpha, neighbor_share=share)
            for fusion, alpha, share in itertools.product(fusions, alphas, shares)
        ]
        return list(dict.fromkeys([now, *found]))


class SweepSpec(BaseModel):
    """What to try, and on which queries.

    `dataset` is what `pmoves evaluate` takes. The best setting by `metric` is
    chosen; `folds` parts of the queries, drawn by `seed`, say what it is worth.
    """

    model_config = ConfigDict(extra="forbid")

    dataset: Annotated[str, Field(min_length=1)]
    grid: Grid
    metric: str = "nDCG@10"
    folds: Annotated[int, Field(ge=2, le=50)] = 5
    seed: Annotated[int, Field(ge=0)] = 0

    @field_validator("metric")
    @classmethod
    def _metric_is_known(cls, name: str) -> str:
        try:
            return parse_metric(name).name
        except EvaluationError as error:
            raise ValueError(str(error)) from error

    def settings(self, now: Setting) -> list[Setting]:
        """Return every setting to try, `now` first; `EvaluationError` for too many."""
        return self.grid.settings(now)


def load_sweep(file: Path) -> SweepSpec:
    """Read a sweep; `EvaluationError` names the file and the field of a fault."""
    return read_yaml_model(file, SweepSpec)


def _values(shares: list[float] | Steps | None, now: float) -> list[float]:
    if shares is None:
        return [now]
    return shares.values if isinstance(shares, Steps) else shares
