"""What runs where: every deployment and stage, the tiers that it likes, and where it would land."""

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel

from cluster.mesh.dashboard import Node
from cluster.settings import Settings
from retrieval.placement import TIER_LABEL, TIERS, Tier
from retrieval.setting_group import Group

Kind = Literal["deployment", "stage"]
NO_TIER = "any"


class Work(BaseModel):
    """A deployment or a stage of a job, and what one replica or worker of it takes.

    `lands` is the tier that would take it now (`any`: a machine without a tier), None
    where none would or no mesh was asked; then `why` says what is missing.
    """

    name: str
    kind: Kind
    tiers: list[Tier]
    cpus: float
    gpus: float = 0.0
    least: int
    most: int
    lands: str | None = None
    why: str = ""


def placement_table(settings: Settings, nodes: Sequence[Node] | None = None) -> list[Work]:
    """Return every piece of work; with `nodes` also where it would land among them."""
    work = [*_deployments(settings), *_stages(settings)]
    return work if nodes is None else [_landed(one, nodes) for one in work]


def _deployments(settings: Settings) -> Iterable[Work]:
    serve, tiers = settings.serve, settings.tiers
    reranker = ["reranker"] if settings.rerank.local else []
    shards = ["shard"] if settings.dense.shards > 1 else []
    ingestor = ["ingestor"] if serve.ingestor_replicas else []
    for name in ("gateway", "embedder", *reranker, *shards, *ingestor):
        least = getattr(serve, f"{name}_replicas")
        most = max(1, least, getattr(serve, f"{name}_max_replicas", 0))
        parts = settings.dense.shards if name == "shard" else 1
        yield Work(
            name=name,
            kind="deployment",
            tiers=getattr(tiers, name),
            cpus=getattr(serve, f"{name}_cpus"),
            gpus=getattr(serve, f"{name}_gpus", 0.0),
            least=least * parts,
            most=most * parts,
        )


def _stages(settings: Settings) -> Iterable[Work]:
    stages = settings.ingest.stages
    for name in ("list", "read", "parse"):
        yield _stage(settings, stages, name, f"{name}_")
    yield _stage(settings, settings.speech, "transcribe", "")
    for name in ("chunk", "embed", "commit"):
        yield _stage(settings, stages, name, f"{name}_")


def _stage(settings: Settings, group: Group, name: str, prefix: str) -> Work:
    """Return a stage whose share and number `group` holds in fields that begin with `prefix`."""
    workers = getattr(group, f"{prefix}workers", 1)
    return Work(
        name=name,
        kind="stage",
        tiers=getattr(settings.tiers, name),
        cpus=getattr(group, f"{prefix}cpus"),
        gpus=getattr(group, f"{prefix}gpus", 0.0),
        least=workers,
        most=workers,
    )


def _landed(work: Work, nodes: Sequence[Node]) -> Work:
    alive = [node for node in nodes if node.state == "ALIVE"]
    order: list[str | None] = [*work.tiers]
    if len(order) == len(TIERS):
        order.append(None)
    for tier in order:
        if any(node.labels.get(TIER_LABEL) == tier and _holds(node, work) for node in alive):
            return work.model_copy(update={"lands": tier or NO_TIER})
    return work.model_copy(update={"why": _why(work, alive)})


def _holds(node: Node, work: Work) -> bool:
    total = node.resources_total
    return total.get("CPU", 0.0) >= work.cpus and total.get("GPU", 0.0) >= work.gpus


def _why(work: Work, alive: Sequence[Node]) -> str:
    there = sorted({node.labels.get(TIER_LABEL, NO_TIER) for node in alive})
    if not set(there) & {*work.tiers}:
        return f"no node of {' or '.join(work.tiers)}; there is {', '.join(there) or 'none'}"
    needs = f"{work.cpus:g} CPUs" + (f" and {work.gpus:g} GPUs" if work.gpus else "")
    return f"no node of {' or '.join(work.tiers)} has {needs}"
