"""What the gateway says of itself: readiness, statistics, the reranker."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, StringConstraints

from retrieval.chunk import JsonValue
from retrieval.query import RerankFusion
from serve_apps.wire import Strict


class Refreshed(BaseModel):
    """The answer to a refresh; `last_refresh` is the time of this one."""

    ok: bool
    index_version: int
    last_refresh: datetime


class RerankStatus(BaseModel):
    """The state of the reranker.

    `model` was asked for and `model_resolved` is what stands for it. `model_report` is the
    name to be shown: `model_label` where there is one. `use_fp16_requested` is missing where
    nobody has asked; `k` is 0 where as many hits are returned as without a reranker.
    """

    enabled: bool
    model: str
    model_resolved: str | None
    model_label: str | None
    model_path: str | None
    provider: str
    topn: int
    k: int
    fusion: RerankFusion
    device: str | None
    cuda_available: bool
    use_fp16_requested: bool | None
    use_fp16_effective: bool
    loaded: bool
    errors: list[str]
    warnings: list[str]
    model_report: str


class LabelRequest(Strict):
    """`POST /hirag/admin/reranker/model/label`: what to call the model; empty: by its name."""

    label: Annotated[str, StringConstraints(max_length=256)]


class Labelled(BaseModel):
    """The name that is shown from now on."""

    ok: bool
    label: str
    model_report: str


class Part(BaseModel):
    """Whether one part can do its work."""

    name: str
    ok: bool
    detail: str


class Readiness(BaseModel):
    """Whether the gateway can answer, with a line a part."""

    ok: bool
    parts: list[Part]


class Hint(BaseModel):
    """What answers here."""

    ok: bool = True
    service: str = "pmoves-mesh"
    hint: str = "POST /hirag/query; everything else is in /docs"


class Health(BaseModel):
    """The process is alive."""

    status: str = "ok"


class Stats(BaseModel):
    """The state of every stage, and the settings in force without secrets."""

    index: dict[str, JsonValue]
    projections: dict[str, dict[str, JsonValue]]
    embedding: dict[str, JsonValue]
    stages: dict[str, str]
    jobs_active: int
    settings: dict[str, JsonValue]
    alpha: float
    rerank_enabled: bool = False
    rerank_model: str | None = None
    collection: str
