"""The point in force, from which a sweep departs."""

from collections.abc import Sequence
from pathlib import Path

from eval.errors import EvaluationError
from eval.parts import Cutter
from eval.sweep.points import ALL_TYPES, IndexSetting, Point, Setting, Types, Value
from eval.sweep.spec import SweepSpec, with_parts
from eval.sweep.values import DEPTHS, RERANKING
from retrieval.depths import Depths
from retrieval.graph.dictionary_rows import DictionaryRow
from retrieval.settings import LibrarySettings, RerankSettings


def in_force(spec: SweepSpec, settings: LibrarySettings, cutter: Cutter | None) -> Point:
    """Return the point that is set, with a value for each part that `spec` varies.

    Raises `EvaluationError` where chunks are to be cut and there is no `cutter`, and
    where `spec` varies a reranker that no trial would use.
    """
    _require_reranker(spec, settings)
    known = _known(settings, spec.k) | _chunking(spec, cutter)
    now = Point(index=IndexSetting(), search=Setting.of(settings.search))
    named = ["graph_boost"] if spec.entities else []
    return with_parts(now, {name: known[name] for name in (*spec.dimensions, *named)})


def depths(spec: SweepSpec, settings: LibrarySettings) -> Depths:
    """Return how many passages each side fetches, and how many join, at most in any trial."""
    listed = {name: max(getattr(spec.grid, name) or [0]) for name in DEPTHS}
    tried = settings.search.model_copy(update={name: most for name, most in listed.items() if most})
    now, heads = Depths.of(settings.search, spec.k), _longest_head(spec, settings)
    return now.deeper(Depths.of(tried, spec.k, heads))


def type_sets(spec: SweepSpec) -> tuple[Types, ...]:
    """Return the sets of types of entities that count in some trial."""
    return tuple(dict.fromkeys([ALL_TYPES, *(spec.grid.entity_types or ())]))


def require_types(spec: SweepSpec, rows: Sequence[DictionaryRow]) -> None:
    """Raise `EvaluationError` where a type that is to be tried is that of no entity of `rows`."""
    known = {row.entity_type for row in rows}
    for name in sorted(set().union(*type_sets(spec)) - known - {*ALL_TYPES}):
        raise EvaluationError(
            f"grid.entity_types: {spec.entities} names no {name}; "
            f"its types are {', '.join(sorted(known))}"
        )


def _known(settings: LibrarySettings, k: int) -> dict[str, Value]:
    search = settings.search.model_dump(include=set(Setting.model_fields))
    embedding = settings.embedding.model_dump(include=set(IndexSetting.model_fields))
    depths = Depths.of(settings.search, k)
    asked: dict[str, Value] = {
        "candidates": depths.joining,
        "dense_candidates": depths.dense,
        "lexical_candidates": depths.lexical,
        "entity_types": ALL_TYPES,
    }
    return {**search, **embedding, **asked, **_known_reranking(settings.rerank)}


def _known_reranking(settings: RerankSettings) -> dict[str, Value]:
    path = settings.model_path
    return {
        "use_rerank": settings.enabled and settings.by_default,
        "rerank_model": path if path and Path(path).expanduser().is_dir() else settings.model,
        "rerank_topn": settings.topn,
        # None: as many hits as without.
        "rerank_k": None,
        "rerank_fusion": settings.fusion,
    }


def _require_reranker(spec: SweepSpec, settings: LibrarySettings) -> None:
    on = settings.rerank.enabled and settings.rerank.by_default
    for name in RERANKING:
        if getattr(spec.grid, name) and not (on or spec.grid.use_rerank):
            raise EvaluationError(
                f"grid.{name}: nothing is reranked; list `use_rerank: [false, true]` beside it, "
                "or set rerank.enabled"
            )


def _longest_head(spec: SweepSpec, settings: LibrarySettings) -> int:
    """Return how many passages are reranked at most in any trial."""
    rerank = settings.rerank
    if not (rerank.enabled and rerank.by_default) and True not in (spec.grid.use_rerank or ()):
        return 0
    heads: list[int] = [*(spec.grid.rerank_topn or ()), *(spec.grid.rerank_k or ())]
    return max([rerank.topn, *heads])


def _chunking(spec: SweepSpec, cutter: Cutter | None) -> dict[str, Value]:
    if not {"chunk_size", "chunk_overlap"} & spec.dimensions.keys():
        return {}
    if cutter is None:
        raise EvaluationError("index.chunk_size: there is no chunker here; run `pmoves sweep`")
    size, overlap = cutter.in_force()
    return {"chunk_size": size, "chunk_overlap": overlap}
