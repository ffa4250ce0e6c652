"""Measured costs that a plan is made of: those shipped, or one's own from `pmoves bench`."""

import json
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from cluster.errors import UsageError


class SizeFigure(BaseModel):
    """How long a hybrid search takes in process, without the model, among so many chunks."""

    chunks: int = Field(gt=0)
    search_p50_ms: float = Field(gt=0)


class ShardFigure(BaseModel):
    """How long a shard with so many vectors takes to find the nearest, on a core."""

    rows: int = Field(gt=0)
    search_ms: float = Field(gt=0)


class ScatterFigure(BaseModel):
    """How many times as long so many shards take as one index, put together by score."""

    shards: int = Field(gt=0)
    ratio: float = Field(gt=0)


class Figures(BaseModel):
    """Costs of one core, and bytes; `sources` says for each where it was measured.

    `memory_ratio` and `peak_ratio` are the index over its bare float32 vectors, at rest and
    while it is built.
    """

    machine: str
    measured_on: str
    dimension: int = Field(gt=0)
    search_cpu_ms: float = Field(gt=0)
    embed_query_cpu_ms: float = Field(gt=0)
    sizes: list[SizeFigure] = Field(min_length=2)
    memory_ratio: float = Field(gt=0)
    peak_ratio: float = Field(gt=0)
    process_bytes: int
    embedder_bytes: int
    model_bytes: int
    disk_bytes_per_chunk: float
    warm_start_s_per_million: float
    embed_passages_per_core_s: float = Field(gt=0)
    read_pages_per_core_s: float = Field(gt=0)
    address_bytes: int
    shard: ShardFigure
    scatter: list[ScatterFigure] = Field(min_length=2)
    sources: dict[str, str] = {}

    @property
    def largest(self) -> int:
        """The largest corpus that was measured; beyond it a plan extrapolates."""
        return max(size.chunks for size in self.sizes)


def shipped() -> Figures:
    """Return the figures of the README."""
    text = files("cluster.capacity").joinpath("measured.json").read_text(encoding="utf-8")
    return Figures.model_validate_json(text)


def own(folder: Path, base: Figures) -> Figures:
    """Return `base` with what `pmoves bench … --out FOLDER` has measured in its place.

    Raises `UsageError` where the folder holds no report or a damaged one.
    """
    found: dict[str, Any] = {}
    sources = dict(base.sources)
    for name, take in _REPORTS.items():
        path = folder / f"{name}.json"
        if not path.is_file():
            continue
        taken = _taken(path, take, base)
        found |= taken | {"machine": _machine(path), "measured_on": _day(path)}
        sources |= dict.fromkeys(taken, str(path))
    if not found:
        raise UsageError(
            f"--figures: {folder} holds no search.json, embedding.json, ingest.json, "
            "growth.json or shards.json; `pmoves bench all --out FOLDER` writes the first three."
        )
    return Figures.model_validate(base.model_dump() | found | {"sources": sources})


def _taken(path: Path, take: Any, base: Figures) -> dict[str, Any]:
    try:
        taken: dict[str, Any] = take(json.loads(path.read_bytes()), base)
        Figures.model_validate(base.model_dump() | taken)
    except (ValueError, KeyError, LookupError, TypeError, ValidationError) as error:
        raise UsageError(
            f"--figures: {path} is no report of `pmoves bench {path.stem} --out`: {error}"
        ) from error
    return taken


def _machine(path: Path) -> str:
    machine = json.loads(path.read_bytes())["machine"]
    return f"{machine['cores']} cores, {machine['system']}"


def _day(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()


def _search(report: Any, base: Figures) -> dict[str, Any]:
    """All cores are busy with the most clients: so much of a core goes into a search."""
    over_http = [one for one in report["measured"] if "HTTP" in one["system"]]
    busiest = max(over_http, key=lambda one: one["clients"])
    cost = 1_000 * report["machine"]["cores"] / busiest["searches_per_s"]
    share = base.embed_query_cpu_ms / base.search_cpu_ms
    return {"search_cpu_ms": cost, "embed_query_cpu_ms": share * cost}


def _embedding(report: Any, _base: Figures) -> dict[str, Any]:
    # The stage and the model take half of the cores, and at least one.
    cores = max(1, report["machine"]["cores"] // 2)
    return {"embed_passages_per_core_s": report["stage_per_s"] / cores}


def _ingest(report: Any, _base: Figures) -> dict[str, Any]:
    return {"read_pages_per_core_s": report["ingest_pages_per_s"] / report["machine"]["cores"]}


def _growth(report: Any, base: Figures) -> dict[str, Any]:
    sizes = [
        {"chunks": one["chunks"], "search_p50_ms": one["p50_ms"]["hybrid"]}
        for one in report["sizes"]
    ]
    largest = max(report["sizes"], key=lambda one: one["chunks"])
    found = {
        "memory_ratio": largest["memory_ratio"],
        "peak_ratio": largest["peak_ratio"],
        "warm_start_s_per_million": 1e6 * largest["warm_start_s"] / largest["chunks"],
    }
    return found | ({"sizes": sizes} if len(sizes) > 1 else {"sizes": base.sizes})


def _shards(report: Any, _base: Figures) -> dict[str, Any]:
    layouts = report["layouts"]
    scatter = [{"shards": one["shards"], "ratio": one["ratio"]["median"]} for one in layouts]
    fewest = min(layouts, key=lambda one: one["shards"])
    found = {"rows": max(fewest["rows"]), "search_ms": fewest["sharded"]["p50_ms"]}
    return {"shard": found} | ({"scatter": scatter} if len(scatter) > 1 else {})


_REPORTS = {
    "search": _search,
    "embedding": _embedding,
    "ingest": _ingest,
    "growth": _growth,
    "shards": _shards,
}
