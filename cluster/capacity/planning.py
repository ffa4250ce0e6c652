"""How many machines a corpus and its searches need, from measured costs.

The cost of a search grows as a power of the number of chunks, drawn through the smallest
and the largest corpus that were measured. All else grows in proportion.
"""

import math
from collections.abc import Mapping

from pydantic import BaseModel

from cluster.capacity.figures import Figures
from retrieval.placement import Tier

GIB = 2**30
_FLOAT_BYTES = 4
# Vectors while they are re-embedded, and files that wait for their readers to end.
_DISK_TWICE = 2.0
# A gateway is replaced by one that starts beside it, and one that dies leaves another.
_LEAST_GATEWAYS = 2


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


class CapacityPlan(BaseModel):
    """What a demand needs.

    `gateway_ms` is what a search costs a core of a gateway; `shards` is into how many parts
    the vectors would have to be divided so that a gateway can hold one, 1: none.
    """

    demand: Demand
    gateway_ms: float
    gateways: int
    gateway_memory_bytes: int
    gateway_tier: Tier
    gateway_nodes: int
    embedders: int
    embedder_tier: Tier
    embedder_nodes: int
    disk_bytes: int
    ingest_cores: int
    ingest_core_hours: float
    ingest_hours: float
    search_p50_ms: float
    warm_start_s: float
    shards: int


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


def gateway_bytes(figures: Figures, chunks: int) -> int:
    """Return the memory of one gateway replica while it builds the index of `chunks`."""
    vectors = chunks * figures.dimension * _FLOAT_BYTES
    return int(figures.process_bytes + vectors * figures.peak_ratio)


def most_chunks(figures: Figures, memory_bytes: float) -> int:
    """Return how many chunks one gateway replica can hold in `memory_bytes`."""
    room = max(0.0, memory_bytes - figures.process_bytes)
    return int(room / (figures.dimension * _FLOAT_BYTES * figures.peak_ratio))


def liked(order: list[Tier], nodes: Mapping[Tier, NodeSize]) -> Tier:
    """Return the first tier of `order` that there is, else any that there is."""
    return next((tier for tier in order if tier in nodes), next(iter(nodes)))


def plan(
    demand: Demand, figures: Figures, gateway_order: list[Tier], embedder_order: list[Tier]
) -> CapacityPlan:
    """Return what `demand` needs by `figures`, on the tiers that each part likes best."""
    gateway_tier = liked(gateway_order, demand.nodes)
    embedder_tier = liked(embedder_order, demand.nodes)
    gateway_node, embedder_node = demand.nodes[gateway_tier], demand.nodes[embedder_tier]
    grown = growth(figures, demand.chunks)
    gateway_ms = (figures.search_cpu_ms - figures.embed_query_cpu_ms) * grown
    gateways = max(_LEAST_GATEWAYS, _cores(demand, gateway_ms))
    embedders = max(1, _cores(demand, figures.embed_query_cpu_ms))
    memory = gateway_bytes(figures, demand.chunks)
    per_node = int(min(gateway_node.cores, gateway_node.memory_gib * GIB // memory))
    shards = math.ceil(demand.chunks / max(1, most_chunks(figures, gateway_node.memory_gib * GIB)))
    core_s = _ingest_core_s(demand, figures)
    cores = demand.ingest_cores or embedder_node.cores
    return CapacityPlan(
        demand=demand,
        gateway_ms=gateway_ms,
        gateways=gateways,
        gateway_memory_bytes=memory,
        gateway_tier=gateway_tier,
        gateway_nodes=math.ceil(gateways / per_node) if per_node else gateways * shards,
        embedders=embedders,
        embedder_tier=embedder_tier,
        embedder_nodes=_embedder_nodes(embedders, embedder_node, figures),
        disk_bytes=int(demand.chunks * figures.disk_bytes_per_chunk * _DISK_TWICE),
        ingest_cores=cores,
        ingest_core_hours=core_s / 3_600,
        ingest_hours=core_s / 3_600 / cores,
        search_p50_ms=min(size.search_p50_ms for size in figures.sizes) * grown,
        warm_start_s=figures.warm_start_s_per_million * demand.chunks / 1e6,
        shards=shards,
    )


def _cores(demand: Demand, cpu_ms: float) -> int:
    return math.ceil(demand.qps * cpu_ms / 1_000 / demand.busy)


def _embedder_nodes(embedders: int, node: NodeSize, figures: Figures) -> int:
    per_node = max(1, int(min(node.cores, node.memory_gib * GIB // figures.embedder_bytes)))
    return math.ceil(embedders / per_node)


def _ingest_core_s(demand: Demand, figures: Figures) -> float:
    embedding = demand.chunks / figures.embed_passages_per_core_s
    return embedding + demand.chunks / demand.chunks_per_page / figures.read_pages_per_core_s
