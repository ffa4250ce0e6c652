"""The point in force, from which a sweep departs."""

from eval.errors import EvaluationError
from eval.parts import Cutter
from eval.sweep.points import IndexSetting, Point, Setting, Value
from eval.sweep.spec import SweepSpec, with_parts
from eval.sweep.values import DEPTHS
from retrieval.depths import Depths
from retrieval.settings import LibrarySettings


def in_force(spec: SweepSpec, settings: LibrarySettings, cutter: Cutter | None) -> Point:
    """Return the point that is set, with a value for each part that `spec` varies.

    Raises `EvaluationError` where chunks are to be cut and there is no `cutter`.
    """
    known = _known(settings, spec.k) | _chunking(spec, cutter)
    now = Point(index=IndexSetting(), search=Setting.of(settings.search))
    named = ["graph_boost"] if spec.entities else []
    return with_parts(now, {name: known[name] for name in (*spec.dimensions, *named)})


def depths(spec: SweepSpec, settings: LibrarySettings) -> Depths:
    """Return how many passages each side fetches at most in any trial."""
    listed = {name: max(getattr(spec.grid, name) or [0]) for name in DEPTHS}
    tried = settings.search.model_copy(update={name: most for name, most in listed.items() if most})
    return Depths.of(settings.search, spec.k).deeper(Depths.of(tried, spec.k))


def _known(settings: LibrarySettings, k: int) -> dict[str, Value]:
    search = settings.search.model_dump(include=set(Setting.model_fields))
    embedding = settings.embedding.model_dump(include=set(IndexSetting.model_fields))
    depths = Depths.of(settings.search, k)
    fetched = {
        "candidates": depths.joining,
        "dense_candidates": depths.dense,
        "lexical_candidates": depths.lexical,
    }
    return {**search, **embedding, **fetched}


def _chunking(spec: SweepSpec, cutter: Cutter | None) -> dict[str, Value]:
    if not {"chunk_size", "chunk_overlap"} & spec.dimensions.keys():
        return {}
    if cutter is None:
        raise EvaluationError("index.chunk_size: there is no chunker here; run `pmoves sweep`")
    size, overlap = cutter.in_force()
    return {"chunk_size": size, "chunk_overlap": overlap}
