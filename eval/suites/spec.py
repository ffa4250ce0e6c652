"""Suites as a YAML file describes them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from eval.datasets.base import Dataset
from eval.errors import EvaluationError
from eval.files import read_yaml_model
from eval.metrics import LATENCIES, parse_metric
from eval.suites.filters import Filter
from retrieval.query import Mode

Collection = Literal["labelled", "known-items"]


class Threshold(BaseModel):
    """Limits of one metric.

    `max_regression` is by how much the mean may be below the baseline's; more fails
    only where the corrected test says that the difference is no accident.
    """

    model_config = ConfigDict(extra="forbid")

    min: float | None = None
    max: float | None = None
    max_regression: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.min is None and self.max is None and self.max_regression is None:
            raise ValueError("give min, max or max_regression")
        return self


class Suite(BaseModel):
    """A named subset of a collection's queries, those that meet all `filters`."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    type: Literal["bias", "stress", "custom"] = "custom"
    description: str = ""
    collection: Collection = "labelled"
    mode: Mode = "hybrid"
    filters: list[Filter] = Field(default_factory=list)
    metrics: list[str] = Field(default_factory=list)
    thresholds: dict[str, Threshold] = Field(default_factory=dict)

    @field_validator("metrics")
    @classmethod
    def _metrics_are_known(cls, names: list[str]) -> list[str]:
        return [_spelled(name) for name in names]

    @field_validator("thresholds")
    @classmethod
    def _thresholds_are_known(cls, given: dict[str, Threshold]) -> dict[str, Threshold]:
        for name in LATENCIES.keys() & given.keys():
            if given[name].max_regression is not None:
                raise ValueError(f"{name}: times depend on the machine; use max")
        spelled = [_spelled(name) for name in given]
        for name in spelled:
            if spelled.count(name) > 1:
                raise ValueError(f"{name} has thresholds twice; give them together")
        return dict(zip(spelled, given.values(), strict=True))

    @property
    def measured(self) -> list[str]:
        """The metrics that it needs, each once."""
        return list(dict.fromkeys([*self.metrics, *self.thresholds]))

    def queries(self, dataset: Dataset) -> list[str]:
        """Return the ids of its judged queries; `EvaluationError` where there is none."""
        found = [
            query_id
            for query_id in dataset.judged_queries
            if all(item.matches(dataset.record(query_id)) for item in self.filters)
        ]
        if not found:
            raise EvaluationError(
                f"the suite {self.name!r} matches no judged query of {dataset.name}; "
                "mend its filters, or leave it out"
            )
        return found


class SuiteFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    suites: Annotated[list[Suite], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [suite.name for suite in self.suites]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two suites are called {name!r}")
        return self


def load_suites(file: Path) -> list[Suite]:
    """Read the suites in a YAML or JSON file.

    Raises `EvaluationError`, which names the file and the field, for whatever is
    wrong with it.
    """
    return read_yaml_model(file, SuiteFile).suites


def suites_by_tag(
    dataset: Dataset, collection: Collection, thresholds: Mapping[str, Threshold] | None = None
) -> Sequence[Suite]:
    """Return a suite of all queries and one for each tag, where there are tags."""
    tags = list(
        dict.fromkeys(tag for query in dataset.judged_queries for tag in dataset.tags(query))
    )
    shared = {"collection": collection, "thresholds": dict(thresholds or {})}
    whole = "all" if collection == "labelled" else collection
    suites = [Suite.model_validate({"name": whole, **shared})] if tags or thresholds else []
    return suites + [
        Suite.model_validate(
            {
                "name": tag if collection == "labelled" else f"{collection}: {tag}",
                "filters": [{"field": "tags", "contains_any": [tag]}],
                **shared,
            }
        )
        for tag in tags
    ]


def _spelled(name: str) -> str:
    if name in LATENCIES:
        return name
    try:
        return parse_metric(name).name
    except EvaluationError as error:
        raise ValueError(f"{error}, and {', '.join(LATENCIES)}") from error
