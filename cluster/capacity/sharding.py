"""Into how many shards a vector index is divided that no gateway can hold, and what they cost.

A shard is the same index over its share of the vectors, so that its memory and its growth
are those of a gateway's.
"""

import math

from pydantic import BaseModel

from cluster.capacity.figures import Figures
from cluster.capacity.sizes import GIB, Demand, NodeSize, growth_exponent, index_bytes, most_rows
from retrieval.placement import Tier

# A shard that dies leaves another of its share.
_LEAST_REPLICAS = 2


class ShardPlan(BaseModel):
    """Shards, each with its replicas; every search asks one replica of each.

    `search_ms` is what that costs a core of a shard, `slower` how many times as long all of
    them take as one index of that size would, and `fits` whether the machines have room: for
    a shard, and in a gateway for the addresses.
    """

    count: int
    rows: int
    replicas: int
    memory_bytes: int
    tier: Tier
    nodes: int
    search_ms: float
    slower: float
    fits: bool


def address_bytes(figures: Figures, chunks: int) -> int:
    """Return the memory of a gateway whose index is in shards: the addresses of all chunks."""
    return figures.process_bytes + chunks * figures.address_bytes


def divide(demand: Demand, figures: Figures, tier: Tier, gateway: NodeSize) -> ShardPlan:
    """Return the fewest shards of which each fits a node of `tier`."""
    node = demand.nodes[tier]
    room = max(1, most_rows(figures, node.memory_gib * GIB))
    count = max(2, math.ceil(demand.chunks / room))
    rows = math.ceil(demand.chunks / count)
    memory = index_bytes(figures, rows)
    cost = search_ms(figures, rows)
    busy = demand.qps * cost / 1_000 / demand.busy
    replicas = max(_LEAST_REPLICAS, math.ceil(busy))
    together = max(1, int(min(node.cores, node.memory_gib * GIB // memory)))
    return ShardPlan(
        count=count,
        rows=rows,
        replicas=replicas,
        memory_bytes=memory,
        tier=tier,
        nodes=math.ceil(count * replicas / together),
        search_ms=cost,
        slower=slower(figures, count),
        fits=memory <= node.memory_gib * GIB
        and address_bytes(figures, demand.chunks) <= gateway.memory_gib * GIB,
    )


def search_ms(figures: Figures, rows: int) -> float:
    """Return what a search costs a core of a shard of `rows`; it grows as one index does."""
    measured = figures.shard
    return measured.search_ms * math.pow(rows / measured.rows, growth_exponent(figures))


def slower(figures: Figures, count: int) -> float:
    """Return how many times as long `count` shards take as one, on the same cores.

    It is a power of their number, through the fewest and the most that were measured.
    """
    few = min(figures.scatter, key=lambda one: one.shards)
    many = max(figures.scatter, key=lambda one: one.shards)
    exponent = math.log(many.ratio / few.ratio) / math.log(many.shards / few.shards)
    return few.ratio * math.pow(count / few.shards, exponent)
