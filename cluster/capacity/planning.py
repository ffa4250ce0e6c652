"""How many machines a corpus and its searches need, from measured costs.

The cost of a search grows as a power of the number of chunks, drawn through the smallest
and the largest corpus that were measured. All else grows in proportion.
"""

import math
from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from cluster.capacity.figures import Figures
from cluster.capacity.sharding import ShardPlan, address_bytes, divide
from cluster.capacity.sizes import GIB, Demand, NodeSize, growth, index_bytes
from retrieval.placement import Tier, TierSettings, tier_of

# Vectors while they are re-embedded, and files that wait for their readers to end.
_DISK_TWICE = 2.0
# A gateway is replaced by one that starts beside it, and one that dies leaves another.
_LEAST_GATEWAYS = 2


class CapacityPlan(BaseModel):
    """What a demand needs.

    With `questions_in_gateway` embedders have passages alone to embed. `gateway_ms` is what a
    search costs a core of a gateway; `shards` are there where no gateway can hold all vectors.
    """

    demand: Demand
    questions_in_gateway: bool = False
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
    shards: ShardPlan | None


def liked(order: Sequence[str], nodes: Mapping[Tier, NodeSize]) -> Tier:
    """Return the first tier of `order` that there is, else any that there is."""
    return next((tier for tier in map(tier_of, order) if tier in nodes), next(iter(nodes)))


def plan(
    demand: Demand, figures: Figures, tiers: TierSettings, questions_in_gateway: bool = False
) -> CapacityPlan:
    """Return what `demand` needs by `figures`, on the tiers that each part likes best."""
    gateway_tier = liked(tiers.gateway, demand.nodes)
    embedder_tier = liked(tiers.embedder, demand.nodes)
    gateway_node, embedder_node = demand.nodes[gateway_tier], demand.nodes[embedder_tier]
    grown = growth(figures, demand.chunks)
    here = questions_in_gateway
    gateway_ms = (figures.search_cpu_ms - figures.embed_query_cpu_ms) * grown
    gateway_ms += figures.embed_query_cpu_ms if here else 0.0
    gateways = max(_LEAST_GATEWAYS, _cores(demand, gateway_ms))
    embedders = 1 if here else max(1, _cores(demand, figures.embed_query_cpu_ms))
    model = figures.model_bytes if here else 0
    shards = _shards(demand, figures, tiers, _without(gateway_node, model))
    memory = model + (address_bytes if shards else index_bytes)(figures, demand.chunks)
    core_s = _ingest_core_s(demand, figures)
    cores = demand.ingest_cores or embedder_node.cores
    return CapacityPlan(
        demand=demand,
        questions_in_gateway=here,
        gateway_ms=gateway_ms,
        gateways=gateways,
        gateway_memory_bytes=memory,
        gateway_tier=gateway_tier,
        gateway_nodes=_nodes(gateways, gateway_node, memory),
        embedders=embedders,
        embedder_tier=embedder_tier,
        embedder_nodes=_nodes(embedders, embedder_node, figures.embedder_bytes),
        disk_bytes=int(demand.chunks * figures.disk_bytes_per_chunk * _DISK_TWICE),
        ingest_cores=cores,
        ingest_core_hours=core_s / 3_600,
        ingest_hours=core_s / 3_600 / cores,
        search_p50_ms=min(size.search_p50_ms for size in figures.sizes) * grown,
        warm_start_s=figures.warm_start_s_per_million
        * (shards.rows if shards else demand.chunks)
        / 1e6,
        shards=shards,
    )


def _shards(
    demand: Demand, figures: Figures, tiers: TierSettings, gateway: NodeSize
) -> ShardPlan | None:
    if index_bytes(figures, demand.chunks) <= gateway.memory_gib * GIB:
        return None
    return divide(demand, figures, liked(tiers.shard, demand.nodes), gateway)


def _without(node: NodeSize, memory_bytes: int) -> NodeSize:
    return node.model_copy(update={"memory_gib": node.memory_gib - memory_bytes / GIB})


def _cores(demand: Demand, cpu_ms: float) -> int:
    return math.ceil(demand.qps * cpu_ms / 1_000 / demand.busy)


def _nodes(replicas: int, node: NodeSize, memory_bytes: int) -> int:
    """Return how many nodes hold `replicas` of so much memory and one core each."""
    together = max(1, int(min(node.cores, node.memory_gib * GIB // memory_bytes)))
    return math.ceil(replicas / together)


def _ingest_core_s(demand: Demand, figures: Figures) -> float:
    embedding = demand.chunks / figures.embed_passages_per_core_s
    return embedding + demand.chunks / demand.chunks_per_page / figures.read_pages_per_core_s
