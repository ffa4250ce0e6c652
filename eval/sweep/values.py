"""The values that a specification lists for the parts of a setting."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from eval.sweep.points import ALL_TYPES, Types, Value
from retrieval.query import Fusion, RerankFusion
from retrieval.settings import Depth, Share


class Steps(BaseModel):
    """Values from `start` to `stop`, both included, `step` apart."""

    model_config = ConfigDict(extra="forbid")

    start: Share
    stop: Share
    step: Annotated[float, Field(ge=0.001, le=1)]

    @model_validator(mode="after")
    def _goes_upwards(self) -> Self:
        if self.stop < self.start:
            raise ValueError(f"stop is {self.stop:g}, below start, {self.start:g}")
        return self

    @property
    def values(self) -> list[float]:
        """The values, rounded to a tenth of a thousandth."""
        count = int((self.stop - self.start) / self.step + 1e-9) + 1
        return [round(self.start + at * self.step, 4) for at in range(count)]


def _listed(given: object) -> object:
    return (given,) if isinstance(given, str) else given


def _in_capitals(types: Types) -> Types:
    """Return each type once, as entities have it."""
    return types if types == ALL_TYPES else tuple(sorted({name.upper() for name in types}))


Shares = Annotated[list[Share], Field(min_length=1)] | Steps
Texts = Annotated[list[str], Field(min_length=1)]
Tokens = Annotated[list[Annotated[int, Field(ge=16, le=32_768)]], Field(min_length=1)]
Overlaps = Annotated[list[Annotated[int, Field(ge=0, le=8_192)]], Field(min_length=1)]
Numbers = Annotated[list[Depth], Field(min_length=1)]
Heads = Annotated[list[Annotated[int, Field(ge=1, le=200)]], Field(min_length=1)]
Type = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
TypeSet = Annotated[
    tuple[Type, ...], Field(min_length=1), BeforeValidator(_listed), AfterValidator(_in_capitals)
]
TypeSets = Annotated[list[TypeSet], Field(min_length=1)]
DEPTHS = ("candidates", "dense_candidates", "lexical_candidates")
"""The parts that say how many passages the sides fetch."""
NAMED = ("graph_boost", "entity_types")
"""The parts that count only where there are entities."""
RERANKING = ("rerank_model", "rerank_topn", "rerank_k", "rerank_fusion")
"""The parts that count only where there is a reranker."""


class _Listed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    def listed(self) -> dict[str, list[Value]]:
        """Return the values of each part that is given, each once, numbers in their order."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: _ordered(values) for name, values in given.items() if values is not None}


class Grid(_Listed):
    """The ways of searching to try; what is left out stays as it is set."""

    fusion: Annotated[list[Fusion], Field(min_length=1)] | None = None
    alpha: Shares | None = None
    neighbor_share: Shares | None = None
    candidates: Numbers | None = None
    dense_candidates: Numbers | None = None
    lexical_candidates: Numbers | None = None
    typo_tolerance: Annotated[list[bool], Field(min_length=1)] | None = None
    graph_boost: Shares | None = None
    entity_types: TypeSets | None = None
    use_rerank: Annotated[list[bool], Field(min_length=1)] | None = None
    rerank_model: Texts | None = None
    rerank_topn: Heads | None = None
    rerank_k: Heads | None = None
    rerank_fusion: Annotated[list[RerankFusion], Field(min_length=1)] | None = None


class IndexGrid(_Listed):
    """The ways of indexing to try; what is left out stays as it is set."""

    chunk_size: Tokens | None = None
    chunk_overlap: Overlaps | None = None
    model: Texts | None = None
    query_prefix: Annotated[list[str], Field(min_length=1)] | None = None
    passage_prefix: Annotated[list[str], Field(min_length=1)] | None = None


def _ordered(values: Sequence[Value] | Steps) -> list[Value]:
    found = values.values if isinstance(values, Steps) else values
    once = list(dict.fromkeys(found))
    return once if any(isinstance(value, str | tuple) for value in once) else sorted(once)  # type: ignore[type-var]
