"""How large the parts of a mesh are by their measured figures, and how a search grows."""

import math

from pydantic import BaseModel

from cluster.capacity.figures import Figures
from retrieval.placement import Tier

GIB = 2**30
_FLOAT_BYTES = 4


class NodeSize(BaseModel):
    """One machine of a tier."""

    cores: int
    memory_gib: float


class Demand(BaseModel):
    """What is asked for: chunks, searches a second, and the machines that may be had.

    `busy` is the share of a core that may be used at the mean; the rest is for peaks.
    """

    chunks: int
    qps: float
    nodes: dict[Tier, NodeSize]
    busy: float = 0.6
    chunks_per_page: float = 1.5
    ingest_cores: int = 0


def growth_exponent(figures: Figures) -> float:
    """Return γ in cost ∝ chunks^γ, from the smallest and the largest size measured."""
    small = min(figures.sizes, key=lambda size: size.chunks)
    large = max(figures.sizes, key=lambda size: size.chunks)
    return math.log(large.search_p50_ms / small.search_p50_ms) / math.log(
        large.chunks / small.chunks
    )


def growth(figures: Figures, chunks: int) -> float:
    """Return how many times a search costs among `chunks` what it does among the fewest."""
    small = min(size.chunks for size in figures.sizes)
    return max(1.0, math.pow(chunks / small, growth_exponent(figures)))


def index_bytes(figures: Figures, rows: int) -> int:
    """Return the memory of a process that builds an index of `rows` vectors: gateway or shard."""
    vectors = rows * figures.dimension * _FLOAT_BYTES
    return int(figures.process_bytes + vectors * figures.peak_ratio)


def most_rows(figures: Figures, memory_bytes: float) -> int:
    """Return how many vectors one such process can hold in `memory_bytes`."""
    room = max(0.0, memory_bytes - figures.process_bytes)
    return int(room / (figures.dimension * _FLOAT_BYTES * figures.peak_ratio))
