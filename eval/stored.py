"""A finished run as a file: where it comes from, and every value of every query."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, Field

from eval.errors import EvaluationError
from eval.files import read_json_model
from eval.journal import StoredHit
from eval.provenance import Provenance
from retrieval.query import Mode

RUN_FILE = "run.json"


class ModeRun(BaseModel):
    """One mode of a run.

    `values` maps metrics to the values of the queries, `seconds` and `top` map
    queries to what the caller waited and to the first hits, `degraded` names the
    queries whose answer lacked a stage, `corrections` maps queries to the words that were
    read as others.
    """

    values: dict[str, dict[str, float]]
    seconds: dict[str, float]
    top: dict[str, list[StoredHit]] = Field(default_factory=dict)
    degraded: list[str] = Field(default_factory=list)
    corrections: dict[str, dict[str, str]] = Field(default_factory=dict)


class StoredQuery(BaseModel):
    """One query with its tags, and the grades of its judged documents."""

    text: str
    tags: list[str] = Field(default_factory=list)
    grades: dict[str, int] = Field(default_factory=dict)


class StoredRun(BaseModel):
    """One run of one system over one collection; `titles` are those of the first hits."""

    provenance: Provenance
    queries: dict[str, StoredQuery]
    modes: dict[Mode, ModeRun]
    titles: dict[str, str] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        """What reports call it."""
        source = self.provenance
        return source.label or f"{source.system}, {source.created_at:%Y-%m-%d %H:%M}"

    def mode(self, mode: Mode) -> ModeRun:
        """Return one mode; `EvaluationError` where it was not asked."""
        if mode not in self.modes:
            raise EvaluationError(f"the run {self.name!r} did not ask in mode {mode}")
        return self.modes[mode]

    def values(self, mode: Mode, metric: str) -> Mapping[str, float]:
        """Return a metric's value by query; `EvaluationError` where it was not taken."""
        found = self.mode(mode).values
        if metric not in found:
            taken = ", ".join(found)
            raise EvaluationError(f"the run {self.name!r} has no {metric}; it has {taken}")
        return found[metric]

    def save(self, folder: Path) -> None:
        """Write it into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RUN_FILE).write_text(self.model_dump_json(exclude_none=True) + "\n", "utf-8")


def load_run(path: Path) -> StoredRun:
    """Read the run in the folder or file `path`; `EvaluationError` says why it is none."""
    file = path / RUN_FILE if path.is_dir() else path
    remedy = "name a folder that `pmoves evaluate` wrote"
    return read_json_model(file, StoredRun, noun="stored run", remedy=remedy)
