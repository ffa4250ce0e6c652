"""What a sweep tries: one way to index, and one way to join both sides of a search."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from retrieval.query import Fusion, RerankFusion
from retrieval.settings import EmbeddingSettings, RerankSettings, SearchSettings

Types = tuple[str, ...]
Value = str | int | float | Types | None
"""`Types` are types of entities, in capitals."""
ALL_TYPES: Types = ("all",)
"""Stands for the types of all entities."""


class Setting(BaseModel):
    """One way to search an index; fields as in the settings of search.

    What is None stays as it is set; `graph_boost` is where the indexes hold no entities,
    and `entity_types` where those of all types count.
    """

    model_config = ConfigDict(frozen=True)

    fusion: Fusion
    alpha: float
    neighbor_share: float
    candidates: int | None = None
    dense_candidates: int | None = None
    lexical_candidates: int | None = None
    typo_tolerance: bool | None = None
    graph_boost: float | None = None
    entity_types: Types | None = None
    use_rerank: bool | None = None
    rerank_model: str | None = None
    rerank_topn: int | None = None
    rerank_k: int | None = None
    rerank_fusion: RerankFusion | None = None

    def __str__(self) -> str:
        given = self.model_dump(exclude={"fusion"}, exclude_none=True)
        return ", ".join([self.fusion, *(f"{name} {value_text(at)}" for name, at in given.items())])

    @classmethod
    def of(cls, settings: SearchSettings) -> Self:
        """Return the setting in force, without what has to be asked for to be varied."""
        return cls.model_validate(
            settings.model_dump(include={"fusion", "alpha", "neighbor_share"})
        )

    def within(self, settings: SearchSettings) -> SearchSettings:
        """Return `settings` with this one in force."""
        own = self.model_dump(include=set(SearchSettings.model_fields), exclude_none=True)
        return settings.model_copy(update=own)

    def reranking(self, settings: RerankSettings) -> RerankSettings | None:
        """Return `settings` with this one in force; None where nothing is reranked."""
        on = settings.enabled and settings.by_default
        if not (on if self.use_rerank is None else self.use_rerank):
            return None
        parts = {"topn": self.rerank_topn, "fusion": self.rerank_fusion}
        given: dict[str, object] = {name: value for name, value in parts.items() if value}
        if self.rerank_model:
            given |= {"model": self.rerank_model, "model_path": ""}
        return settings.model_copy(update={"enabled": True, "by_default": True, **given})


class IndexSetting(BaseModel):
    """One way to make an index; None: as it is set.

    `chunk_size` and `chunk_overlap` are tokens; where both are None, the passages of
    the collection are indexed as they are. `model` is 'packaged' or a folder.
    """

    model_config = ConfigDict(frozen=True)

    chunk_size: int | None = None
    chunk_overlap: int | None = None
    model: str | None = None
    query_prefix: str | None = None
    passage_prefix: str | None = None

    def __str__(self) -> str:
        given = self.model_dump(exclude_none=True)
        return ", ".join(f"{name} {value!r}" for name, value in given.items())

    @property
    def cuts(self) -> bool:
        """Whether documents are cut into passages anew."""
        return self.chunk_size is not None or self.chunk_overlap is not None

    def within(self, settings: EmbeddingSettings) -> EmbeddingSettings:
        """Return `settings` with the model and the prefixes of this one."""
        names = {"model", "query_prefix", "passage_prefix"}
        return settings.model_copy(update=self.model_dump(include=names, exclude_none=True))


class Point(BaseModel):
    """One trial: an index, and a way to search it."""

    model_config = ConfigDict(frozen=True)

    index: IndexSetting
    search: Setting

    def __str__(self) -> str:
        return "; ".join(part for part in (str(self.index), str(self.search)) if part)

    def parts(self) -> dict[str, Value]:
        """Return the value of every part of both settings, by its name."""
        return {**self.index.model_dump(), **self.search.model_dump()}


class Trial(BaseModel):
    """One point with its mean over all queries, and that of its seconds where they were taken."""

    point: Point
    mean: float
    seconds: float | None = None


def types_asked(types: Types | None) -> list[str] | None:
    """Return types of entities as a request asks for them; None: all."""
    return list(types) if types and types != ALL_TYPES else None


def value_text(value: Value) -> str:
    """Return a value as reports show it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "/".join(value)
    return f"{value:g}" if isinstance(value, int | float) else str(value) or "(none)"


DIMENSIONS = (*IndexSetting.model_fields, *Setting.model_fields)
"""The names of all parts of a point."""
