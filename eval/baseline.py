"""What a change is held against: values by query in a small file of the repository."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, Field

from eval.errors import EvaluationError
from eval.files import read_json_model
from eval.journal import StoredHit
from eval.stored import StoredRun
from eval.suites.spec import Collection
from retrieval.chunk import JsonValue
from retrieval.query import Mode

_DIGITS = 6
_SCORE_DIGITS = 4
_TOP = 2
_QUERY_DEPTH = 5


class BaselineQuery(BaseModel):
    """One query's values by metric, and its first hits."""

    values: dict[str, float]
    top: list[StoredHit] = Field(default_factory=list)


class BaselineCollection(BaseModel):
    """One collection as it was measured."""

    dataset: str
    dataset_hash: str
    modes: dict[Mode, dict[str, BaselineQuery]]

    def knows(self, mode: Mode, metric: str) -> bool:
        """Say whether every query has a value of a metric in a mode."""
        queries = self.modes.get(mode, {})
        return bool(queries) and all(metric in found.values for found in queries.values())

    def values(self, mode: Mode, metric: str) -> dict[str, float]:
        """Return a metric's value by query; `EvaluationError` where there is none."""
        if not self.knows(mode, metric):
            raise EvaluationError(
                f"the baseline has no {metric} in mode {mode} for {self.dataset}; save it anew "
                "with --save-baseline"
            )
        return {query: found.values[metric] for query, found in self.modes[mode].items()}

    def top(self, mode: Mode) -> dict[str, list[StoredHit]]:
        """Return the first hits by query."""
        return {query: found.top for query, found in self.modes.get(mode, {}).items()}


class Baseline(BaseModel):
    """Accepted values of every collection of a gate.

    `tolerance` is by how much a mean may fall where a suite says nothing else.
    """

    code: str
    tolerance: float
    collections: dict[Collection, BaselineCollection]

    def require(self, collection: Collection, run: StoredRun) -> BaselineCollection:
        """Return a collection; `EvaluationError` where it is missing or not that of `run`."""
        found = self.collections.get(collection)
        if found is None:
            raise EvaluationError(f"the baseline has no {collection} collection; save it anew")
        if found.dataset_hash != run.provenance.dataset_hash:
            raise EvaluationError(
                f"the baseline was made on {found.dataset} {found.dataset_hash[:12]}, and this is "
                f"{run.provenance.dataset} {run.provenance.dataset_hash[:12]}: documents, queries "
                "or judgements have changed; look at the figures and save a new one with "
                "--save-baseline"
            )
        return found

    def save(self, file: Path) -> None:
        """Write it to `file`."""
        file.parent.mkdir(parents=True, exist_ok=True)
        found = self.model_dump(mode="json", exclude_none=True)
        file.write_text(_line_by_line(found) + "\n", encoding="utf-8")


def baseline_of(runs: Mapping[Collection, StoredRun], tolerance: float) -> Baseline:
    """Return the baseline that accepts `runs`."""
    codes = {run.provenance.harness for run in runs.values()}
    collections = {name: _collection(run) for name, run in runs.items()}
    return Baseline(code=", ".join(codes), tolerance=tolerance, collections=collections)


def load_baseline(file: Path) -> Baseline:
    """Read a baseline; `EvaluationError` says why it cannot be read."""
    return read_json_model(file, Baseline, noun="baseline", remedy="make one with --save-baseline")


def _collection(run: StoredRun) -> BaselineCollection:
    modes = {
        mode: {
            query: BaselineQuery(
                values={
                    metric: round(values[query], _DIGITS) for metric, values in found.values.items()
                },
                top=[_shortened(hit) for hit in found.top.get(query, [])[:_TOP]],
            )
            for query in run.queries
        }
        for mode, found in run.modes.items()
    }
    source = run.provenance
    return BaselineCollection(dataset=source.dataset, dataset_hash=source.dataset_hash, modes=modes)


def _line_by_line(value: JsonValue, depth: int = 0) -> str:
    """Return JSON with a line for each query, so that a change of one is a change of a line."""
    if depth >= _QUERY_DEPTH or not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    inner = [
        f"{json.dumps(name, ensure_ascii=False)}: {_line_by_line(item, depth + 1)}"
        for name, item in value.items()
    ]
    return "{\n" + ",\n".join(inner) + "\n}"


def _shortened(hit: StoredHit) -> StoredHit:
    """Return `hit` with scores of so few digits as a reader wants."""
    return StoredHit.model_validate(_rounded(hit.model_dump(mode="json")))


def _rounded(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return round(value, _SCORE_DIGITS) if isinstance(value, float) else value
