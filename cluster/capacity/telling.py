"""Says a plan in words: each figure with its reason, and what it does not know."""

from pydantic import BaseModel

from cluster.capacity.figures import Figures
from cluster.capacity.planning import CapacityPlan
from cluster.capacity.sharding import ShardPlan
from cluster.capacity.sizes import growth_exponent


class Line(BaseModel):
    """One thing that is needed, and how the figure came about."""

    what: str
    amount: str
    because: str


class CapacityReport(BaseModel):
    """A plan in words, with the figures that it is made of.

    `impossible` says what this plan has no answer to at that size.
    """

    plan: CapacityPlan
    figures: Figures
    lines: list[Line]
    notes: list[str]
    impossible: list[str]


def told(found: CapacityPlan, figures: Figures) -> CapacityReport:
    """Return the plan with its words."""
    return CapacityReport(
        plan=found,
        figures=figures,
        lines=[
            *_gateways(found, figures),
            *_shards(found),
            *_embedders(found, figures),
            *_data(found, figures),
        ],
        notes=_notes(found, figures),
        impossible=_impossible(found),
    )


def _busy(found: CapacityPlan) -> str:
    return f"{found.demand.busy:.0%} of a core used"


def _gateways(found: CapacityPlan, figures: Figures) -> list[Line]:
    holds = (
        f"each holds the addresses of all chunks, {figures.address_bytes} bytes a chunk"
        if found.shards
        else f"each holds all vectors: {figures.dimension} × 4 bytes × "
        f"{figures.peak_ratio:g} while they are built, {figures.memory_ratio:g} later"
    )
    holds += ", and the model" if found.questions_in_gateway else ""
    return [
        Line(
            what="gateway replicas",
            amount=f"{found.gateways}",
            because=f"{found.demand.qps:g} searches/s × {found.gateway_ms:.0f} ms of a core, "
            f"{_busy(found)}; two at least, so that one may die",
        ),
        Line(
            what="memory of a gateway",
            amount=_bytes(found.gateway_memory_bytes),
            because=holds,
        ),
        Line(
            what=f"{found.gateway_tier} nodes for gateways",
            amount=f"{found.gateway_nodes}",
            because=_node(found, found.gateway_tier),
        ),
    ]


def _shards(found: CapacityPlan) -> list[Line]:
    shards = found.shards
    if shards is None:
        return []
    return [
        Line(
            what="shards of the vectors",
            amount=f"{shards.count}",
            because=f"{shards.rows:,} vectors each, as few shards as {shards.tier} nodes allow: "
            f"PMOVES_DENSE__SHARDS={shards.count}",
        ),
        Line(
            what="memory of a shard",
            amount=_bytes(shards.memory_bytes),
            because="as a gateway's with as many vectors, while they are built",
        ),
        Line(
            what="replicas of each shard",
            amount=f"{shards.replicas}",
            because=f"{found.demand.qps:g} searches/s × {shards.search_ms:.0f} ms of a core of "
            f"every shard, {_busy(found)}; two at least: PMOVES_SERVE__SHARD_REPLICAS="
            f"{shards.replicas}",
        ),
        Line(
            what=f"{shards.tier} nodes for shards",
            amount=f"{shards.nodes}",
            because=_node(found, shards.tier),
        ),
    ]


def _embedders(found: CapacityPlan, figures: Figures) -> list[Line]:
    asked = f"{found.demand.qps:g} searches/s × {figures.embed_query_cpu_ms:.0f} ms of a core, "
    return [
        Line(
            what="embedder replicas",
            amount=f"{found.embedders}",
            because="for passages; gateways embed questions"
            if found.questions_in_gateway
            else asked + _busy(found),
        ),
        Line(
            what=f"{found.embedder_tier} nodes for embedders",
            amount=f"{found.embedder_nodes}",
            because=_node(found, found.embedder_tier),
        ),
    ]


def _data(found: CapacityPlan, figures: Figures) -> list[Line]:
    demand = found.demand
    return [
        Line(
            what="disk of the corpus",
            amount=_bytes(found.disk_bytes),
            because=f"{figures.disk_bytes_per_chunk:,.0f} bytes a chunk, twice, for a while during "
            "re-embedding and joining of files",
        ),
        Line(
            what="first ingest",
            amount=f"{found.ingest_hours:,.1f} h",
            because=f"{found.ingest_core_hours:,.1f} hours of a core, on {found.ingest_cores}: "
            f"embedding {figures.embed_passages_per_core_s:g} chunks/s, reading "
            f"{figures.read_pages_per_core_s:g} text pages/s of {demand.chunks_per_page:g} chunks",
        ),
        Line(
            what="a search in process, p50",
            amount=f"{found.search_p50_ms:.0f} ms",
            because=f"grows as chunks^{growth_exponent(figures):.2f}",
        ),
        Line(
            what=f"warm start of a {'shard' if found.shards else 'gateway'}",
            amount=f"{found.warm_start_s:,.0f} s",
            because=f"{figures.warm_start_s_per_million:g} s a million chunks",
        ),
    ]


def _notes(found: CapacityPlan, figures: Figures) -> list[str]:
    said = [f"figures of {figures.measured_on} on {figures.machine}"]
    if found.demand.chunks > figures.largest:
        said.append(
            f"extrapolated: nothing above {figures.largest:,} chunks was measured, "
            f"{found.demand.chunks / figures.largest:,.0f} times less than asked for"
        )
    if found.shards:
        said.append(_dividing(found.shards, figures))
    if found.embedder_tier != "cpu":
        said.append(
            f"no figure of ours comes from a {found.embedder_tier}: embedders and ingest are "
            "counted as if its cores did the work. Measure there: pmoves bench embedding --out"
        )
    said.append("scans, recordings and a reranker are not in it; each costs far more than text")
    return said


def _dividing(shards: ShardPlan, figures: Figures) -> str:
    most = max(one.shards for one in figures.scatter)
    return (
        f"asking {shards.count} shards and putting their answers together takes "
        f"{shards.slower:.1f} times as long as one index on the same cores, drawn from up to "
        f"{most} shards in one process; on machines of their own they work at once, and the way "
        "between machines was not measured. Gateways are counted as if they still searched vectors"
    )


def _impossible(found: CapacityPlan) -> list[str]:
    shards = found.shards
    if shards is None or shards.fits:
        return []
    sizes = {
        tier: found.demand.nodes[tier].memory_gib for tier in (found.gateway_tier, shards.tier)
    }
    return [
        f"a gateway replica needs {_bytes(found.gateway_memory_bytes)} for addresses and each of "
        f"{shards.count:,} shards {_bytes(shards.memory_bytes)}, and "
        + " and ".join(f"a {tier} node has {size:g} GiB" for tier, size in sizes.items())
        + ". Take larger machines."
    ]


def _node(found: CapacityPlan, tier: object) -> str:
    node = found.demand.nodes[tier]  # type: ignore[index]
    return f"{node.cores} cores and {node.memory_gib:g} GiB each, one core for a replica"


def _bytes(count: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:,.0f} bytes"
