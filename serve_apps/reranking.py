"""The reranking stage of a gateway: who is asked, and how he is guarded."""

from typing import Any

from ray.serve.handle import DeploymentHandle

from retrieval.rerank.base import AsyncReranker
from retrieval.rerank.stage import RerankStage
from retrieval.settings import RerankSettings
from serve_apps.guarded import GuardedReranker
from serve_apps.metered import MeteredReranker
from serve_apps.metrics import Metrics
from serve_apps.remote import RemoteReranker
from serve_apps.settings import AppArgs


def make_reranking(
    settings: AppArgs, handle: DeploymentHandle[Any] | None, metrics: Metrics
) -> RerankStage | None:
    """Return the stage that `settings` ask for; None where reranking is off.

    `handle` is that of the deployment, which local models have.
    """
    rerank = settings.rerank
    if not rerank.enabled:
        return None
    reranker = _behind_http(rerank) if handle is None else RemoteReranker(handle)
    return stage_over(reranker, settings, metrics)


def _behind_http(settings: RerankSettings) -> AsyncReranker:
    # httpx, which most gateways never need.
    from retrieval.rerank.remote import HttpReranker

    return HttpReranker(settings)


def stage_over(reranker: AsyncReranker, settings: AppArgs, metrics: Metrics) -> RerankStage:
    """Return the stage over `reranker`, guarded and metered."""
    rerank = settings.rerank
    metered = MeteredReranker(GuardedReranker(reranker, settings.serve, metrics), metrics)
    return RerankStage(
        metered,
        rerank,
        f"{rerank.provider}:{rerank.model}",
        lambda source, count: metrics.count("pmoves_rerank_passages_total", source, by=count),
    )
