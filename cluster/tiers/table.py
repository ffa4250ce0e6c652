"""What runs where: every deployment and stage, the tiers that it likes, and where it would land."""

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel

from cluster.mesh.dashboard import Node
from cluster.settings import Settings
from retrieval.placement import NO_TIER, answers, place_of, selectors
from retrieval.reserving import told
from retrieval.setting_group import Group

Kind = Literal["deployment", "stage"]


class Work(BaseModel):
    """A deployment or a stage of a job, and what one replica or worker of it takes.

    `reserves` is what it takes beside CPUs and GPUs, `memory` in bytes. The targets, requests
    at once and seconds of waiting work, are those of a deployment that grows under load.
    `lands` is the one of `tiers` that would take it now (`any`: a machine without a tier),
    None where none would or no mesh was asked; then `why` says what is missing.
    """

    name: str
    kind: Kind
    tiers: list[str]
    cpus: float
    gpus: float = 0.0
    reserves: dict[str, float] = {}
    least: int
    most: int
    target_ongoing: float | None = None
    target_wait_s: float | None = None
    lands: str | None = None
    why: str = ""

    @property
    def needs(self) -> dict[str, float]:
        """What a node must have for one replica or worker, by Ray's names."""
        return {"CPU": self.cpus, **({"GPU": self.gpus} if self.gpus else {}), **self.reserves}


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
        least, most = serve.bounds(name)
        grows = most > least
        parts = settings.dense.shards if name == "shard" else 1
        yield Work(
            name=name,
            kind="deployment",
            tiers=getattr(tiers, name),
            cpus=getattr(serve, f"{name}_cpus"),
            gpus=getattr(serve, f"{name}_gpus", 0.0),
            reserves=getattr(settings.reserve, name),
            least=least * parts,
            most=most * parts,
            target_ongoing=serve.ongoing(name) if grows else None,
            target_wait_s=serve.wait_s(name) if grows else None,
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
        reserves=getattr(settings.reserve, name),
        least=workers,
        most=workers,
    )


def _landed(work: Work, nodes: Sequence[Node]) -> Work:
    alive = [node for node in nodes if node.state == "ALIVE"]
    # Behind the places of its own may stand one for machines without a tier.
    for place, wanted in zip([*work.tiers, NO_TIER], selectors(work.tiers), strict=False):
        if any(answers(node.labels, wanted) and _holds(node, work) for node in alive):
            return work.model_copy(update={"lands": place})
    return work.model_copy(update={"why": _why(work, alive)})


def _holds(node: Node, work: Work) -> bool:
    total = node.resources_total
    return all(total.get(name, 0.0) >= amount for name, amount in work.needs.items())


def _why(work: Work, alive: Sequence[Node]) -> str:
    wanted = selectors(work.tiers)
    if not any(answers(node.labels, one) for node in alive for one in wanted):
        there = sorted({place_of(node.labels, wanted) for node in alive})
        return f"no node of {' or '.join(work.tiers)}; there is {', '.join(there) or 'none'}"
    return f"no node of {' or '.join(work.tiers)} has {' and '.join(told(work.needs))}"
