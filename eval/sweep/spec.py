"""A sweep as a YAML file describes it."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from eval.errors import EvaluationError
from eval.files import read_yaml_model
from eval.metrics import parse_metric
from eval.sweep.points import DIMENSIONS, IndexSetting, Point, Setting, Value
from eval.sweep.values import DEPTHS, NAMED, RERANKING, Grid, IndexGrid
from retrieval.depths import PER_HIT

_MOST = 10_000
Search = Literal["grid", "random", "bayesian"]
Rule = Literal["held-out", "predecessor"]
METRICS: dict[Rule, str] = {"held-out": "nDCG@10", "predecessor": "Recall@5"}
"""What each rule judges where the specification names no metric."""


class SweepSpec(BaseModel):
    """What to try, on which queries, and when to take it.

    `dataset` is what `pmoves evaluate` takes. `search` says which of the combinations
    of `grid` and `index` are tried: all, or `trials` of them, drawn or guided. The best
    by `metric` is chosen; `folds` parts of the queries, drawn by `seed`, say what it is
    worth, and `rule` whether to take it. Searches ask for `k` passages. `entities` is a
    dictionary whose names all indexes know.
    """

    model_config = ConfigDict(extra="forbid")

    dataset: Annotated[str, Field(min_length=1)]
    grid: Grid = Grid()
    index: IndexGrid = IndexGrid()
    search: Search = "grid"
    trials: Annotated[int, Field(ge=1, le=_MOST)] | None = None
    metric: str = ""
    folds: Annotated[int, Field(ge=2, le=50)] = 5
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    rule: Rule = "held-out"
    k: Annotated[int, Field(ge=1, le=200)] = 100
    entities: Path | None = None

    @field_validator("metric")
    @classmethod
    def _metric_is_known(cls, name: str) -> str:
        try:
            return parse_metric(name).name if name else ""
        except EvaluationError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if not self.dimensions:
            raise ValueError("nothing to try: list values under grid or index")
        if (self.search == "grid") != (self.trials is None):
            raise ValueError(
                "trials: how many to try; for search random and bayesian, and only these"
            )
        if self.rule == "predecessor" and self.metric not in ("", METRICS["predecessor"]):
            raise ValueError("rule predecessor judges Recall@5: leave metric out")
        self._depths_are_reached()
        self._overlaps_are_possible()
        self._heads_hold_the_hits()
        for name in NAMED:
            if getattr(self.grid, name) and not self.entities:
                raise ValueError(f"grid.{name}: name a dictionary of names under entities")
        self.metric = self.metric or METRICS[self.rule]
        return self

    def _depths_are_reached(self) -> None:
        least = PER_HIT * self.k
        for name in DEPTHS:
            values = getattr(self.grid, name) or ()
            if any(depth < least for depth in values):
                raise ValueError(
                    f"grid.{name}: searches for k = {self.k} passages fetch {least} "
                    "from each side at least; give more, or a smaller k"
                )

    def _overlaps_are_possible(self) -> None:
        sizes, overlaps = self.index.chunk_size, self.index.chunk_overlap
        if sizes and overlaps and 2 * max(overlaps) > min(sizes):
            raise ValueError(
                f"index.chunk_overlap: {max(overlaps)} tokens are more than half of chunk_size = "
                f"{min(sizes)}, and no more are shared; list smaller overlaps, or larger sizes"
            )

    def _heads_hold_the_hits(self) -> None:
        hits, heads = self.grid.rerank_k or [0], self.grid.rerank_topn
        if heads and max(hits) > min(heads):
            raise ValueError(
                f"grid.rerank_k: {max(hits)} hits cannot come out of rerank_topn = {min(heads)} "
                "passages; list fewer hits, or more passages"
            )
        if self.grid.use_rerank == [False] and any(getattr(self.grid, at) for at in RERANKING):
            raise ValueError("grid.use_rerank: add true, or list nothing about a reranker")

    @property
    def dimensions(self) -> dict[str, list[Value]]:
        """The values to try of each part that is given, in the order of `DIMENSIONS`."""
        given = {**self.index.listed(), **self.grid.listed()}
        return {name: given[name] for name in DIMENSIONS if name in given}

    @property
    def size(self) -> int:
        """How many combinations there are."""
        return math.prod(map(len, self.dimensions.values()))

    def point(self, number: int, now: Point) -> Point:
        """Return combination `number`, from 0; what is not listed is as in `now`."""
        places: list[int] = []
        for values in reversed(self.dimensions.values()):
            number, place = divmod(number, len(values))
            places.insert(0, place)
        return self.point_at(places, now)

    def point_at(self, places: Sequence[int], now: Point) -> Point:
        """Return the combination of the value at each of `places`, one for each dimension."""
        listed = zip(self.dimensions.items(), places, strict=True)
        return with_parts(now, {name: values[place] for (name, values), place in listed})

    def points(self, now: Point) -> list[Point]:
        """Return every combination, each once; `EvaluationError` for too many."""
        if self.size > _MOST:
            raise EvaluationError(
                f"the grid has {self.size} settings; at most {_MOST} are tried: list fewer "
                "values, or take search random or bayesian"
            )
        return list(dict.fromkeys(self.point(number, now) for number in range(self.size)))


def with_parts(point: Point, parts: dict[str, Value]) -> Point:
    """Return `point` with other values of some parts, by their names."""
    known = point.parts() | parts
    if known["use_rerank"] is False:
        # Settings that differ in nothing that counts are one.
        known |= dict.fromkeys(RERANKING)
    if not known["graph_boost"]:
        known["entity_types"] = None
    return Point(
        index=IndexSetting.model_validate(
            {name: known[name] for name in IndexSetting.model_fields}
        ),
        search=Setting.model_validate({name: known[name] for name in Setting.model_fields}),
    )


def load_sweep(file: Path) -> SweepSpec:
    """Read a sweep; `EvaluationError` names the file and the field of a fault."""
    return read_yaml_model(file, SweepSpec)
