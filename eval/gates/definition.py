"""What a version of a persona must reach, as a YAML file defines it."""

from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Self
from uuid import UUID

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from eval.collections import SAMPLE
from eval.files import read_yaml_model
from eval.gates.contracts import is_a
from eval.gates.limits import KNOWN_ITEMS, WHOLE, limiting_suite
from eval.suites.filters import Filter
from eval.suites.spec import Threshold
from retrieval.query import Mode, Namespace

_DEFAULTS = "defaults.yaml"


def _labelled(text: str) -> str:
    if not is_a("label", text):
        raise ValueError("give 1 to 128 characters, no control characters among them")
    return text


Label = Annotated[str, AfterValidator(_labelled)]
Thresholds = Annotated[dict[str, Threshold], Field(default_factory=dict)]


class GateDataset(BaseModel):
    """One data set with its thresholds.

    `queries_path` is what `pmoves evaluate` takes; where it is left out, requests
    must name one. `thresholds` hold for the labelled queries that meet `filters`,
    `known_items` for pieces of the documents, and `suites_path` has suites besides.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Label
    queries_path: Annotated[str, Field(min_length=1)] | None = None
    suites_path: Annotated[str, Field(min_length=1)] | None = None
    baseline_path: Annotated[str, Field(min_length=1)] | None = None
    namespace: Namespace | None = None
    mode: Mode = "hybrid"
    filters: Annotated[list[Filter], Field(default_factory=list)]
    thresholds: Thresholds
    known_items: Thresholds

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not (self.thresholds or self.known_items or self.suites_path):
            raise ValueError(f"the data set {self.id!r} has no thresholds and no suites_path")
        return self


class Gate(BaseModel):
    """The gate of one version of a persona.

    `k` is the cut of metrics that name none; `timeout_s` bounds a whole run. With
    `persona_id` only requests of that id are let in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Label
    version: Label
    persona_id: UUID | None = None
    k: Annotated[int, Field(ge=1, le=200)] = 10
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
    datasets: Annotated[tuple[GateDataset, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = [item.id for item in self.datasets]
        if len(set(ids)) < len(ids):
            raise ValueError("two data sets have the same id")
        return self

    @model_validator(mode="after")
    def _limits_are_of_metrics(self) -> Self:
        for item in self.datasets:
            limiting_suite(WHOLE, item.thresholds, self.k)
            limiting_suite(KNOWN_ITEMS, item.known_items, self.k)
        return self

    @property
    def title(self) -> str:
        """The persona as people write it: `Archon@1.0`."""
        return f"{self.name}@{self.version}"


class GateFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    gates: Annotated[list[Gate], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        titles = [gate.title for gate in self.gates]
        for title in titles:
            if titles.count(title) > 1:
                raise ValueError(f"two gates are for {title}")
        return self


def load_gates(file: Path) -> list[Gate]:
    """Read the gates of a YAML or JSON file; paths in it are relative to its folder.

    Raises `EvaluationError`, which names the file and the field of a fault.
    """
    return [_placed(gate, file.resolve().parent) for gate in read_yaml_model(file, GateFile).gates]


def default_gates() -> Mapping[tuple[str, str], Gate]:
    """Return the gates that come with the program, by name and version."""
    text = (resources.files("eval.gates") / _DEFAULTS).read_text(encoding="utf-8")
    gates = GateFile.model_validate(yaml.safe_load(text)).gates
    return {(gate.name, gate.version): gate for gate in gates}


def _placed(gate: Gate, folder: Path) -> Gate:
    datasets = tuple(item.model_copy(update=dict(_paths(item, folder))) for item in gate.datasets)
    return gate.model_copy(update={"datasets": datasets})


def _paths(item: GateDataset, folder: Path) -> Iterator[tuple[str, str]]:
    for name in ("queries_path", "suites_path", "baseline_path"):
        path = getattr(item, name)
        if path and path != SAMPLE and "://" not in path:
            yield name, str(folder / path)
