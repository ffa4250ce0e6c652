"""The Serve application: `serve run` or `serve deploy` with `serve_apps/config/embedded.yaml`.

Bare, `serve run serve_apps.app:build` is refused where HAProxy is on and there are no
API keys: Serve would listen on every interface.
"""

from typing import Any

from ray import serve
from ray.serve.config import AutoscalingConfig, BackpressureConfig
from ray.serve.schema import LoggingConfig

from retrieval.dense.holding import Share
from serve_apps.embedder import Embedder
from serve_apps.gateway import Gateway
from serve_apps.ingress import check_ingress
from serve_apps.loopback import require_keys
from serve_apps.reranker import Reranker
from serve_apps.scaling import backlog_policy
from serve_apps.settings import AppArgs, ServeSettings
from serve_apps.vector_shard import VectorShard, deployment_name

# Seconds between looks at a replica; one that has died is replaced then.
_HEALTH_CHECK_S = 2.0
# A redeployment starts a new replica for every old one before it stops that.
_SURGE_PERCENT = 100


def build(args: AppArgs) -> serve.Application:
    """Return the application; settings that `args` leaves out come from the environment.

    Raises `InvalidInputError` for an address that other machines can reach while there
    are no API keys.
    """
    return application(args, Gateway)


def application(
    args: AppArgs, gateway: type[Gateway], ingestor: type | None = None
) -> serve.Application:
    """Return the application around a kind of gateway; see `build`.

    `ingestor` runs small jobs; it is made of the settings and a handle of the embedder, and
    its `run` is as `serve_apps.near.NearLauncher` wants it.
    """
    settings = args.model_copy(update={"home": args.home.absolute()})
    require_keys(settings.http.host, settings.state_url)
    check_ingress(settings.state_url)
    reranker = _reranker(settings).bind(settings) if settings.rerank.local else None
    embedder = _embedder(settings).bind(settings)
    shards, former = (_shards(settings, of) for of in layouts(settings))
    near = None
    if ingestor is not None and settings.serve.ingestor_replicas:
        near = _ingestor(settings, ingestor).bind(settings, embedder)
    return _gateway(settings, gateway).bind(settings, embedder, reranker, shards, former, near)


def layouts(settings: AppArgs) -> tuple[int, int]:
    """Return how many shards gateways search, and how many are kept from before.

    0 stands for none: the gateways hold the whole index themselves.
    """
    dense = settings.dense
    former = dense.former_shards if dense.former_shards != dense.shards else 0
    return _several(dense.shards), _several(former)


def _several(shards: int) -> int:
    return shards if shards > 1 else 0


def _shards(settings: AppArgs, of: int) -> list[serve.Application]:
    shares = (Share(number, of) for number in range(of))
    return [_shard(settings, share).bind(settings, share) for share in shares]


def _shard(settings: AppArgs, share: Share) -> serve.Deployment:
    limits = settings.serve
    make = serve.deployment(
        name=deployment_name(share),
        num_replicas=limits.shard_replicas,
        ray_actor_options={
            "num_cpus": limits.shard_cpus,
            "num_gpus": limits.shard_gpus,
            **settings.placed("shard"),
        },
        max_ongoing_requests=limits.shard_max_ongoing,
        max_queued_requests=limits.shard_max_queued,
        logging_config=_logging(settings),
        **_replacing(settings),
    )
    return make(VectorShard)


def _reranker(settings: AppArgs) -> serve.Deployment:
    limits = settings.serve
    make = serve.deployment(
        name="reranker",
        ray_actor_options={
            "num_cpus": limits.reranker_cpus,
            "num_gpus": limits.reranker_gpus,
            **settings.placed("reranker"),
        },
        **_replicas("reranker", limits),
        max_ongoing_requests=limits.reranker_max_ongoing,
        max_queued_requests=limits.reranker_max_queued,
        logging_config=_logging(settings),
        **_replacing(settings),
    )
    return make(Reranker)


def _embedder(settings: AppArgs) -> serve.Deployment:
    limits = settings.serve
    make = serve.deployment(
        name="embedder",
        ray_actor_options={
            "num_cpus": limits.embedder_cpus,
            "num_gpus": limits.embedder_gpus,
            **settings.placed("embedder"),
        },
        **_replicas("embedder", limits),
        max_ongoing_requests=limits.embedder_max_ongoing,
        max_queued_requests=limits.embedder_max_queued,
        logging_config=_logging(settings),
        **_replacing(settings),
    )
    return make(Embedder)


def _ingestor(settings: AppArgs, kind: type) -> serve.Deployment:
    limits = settings.serve
    make = serve.deployment(
        name="ingestor",
        num_replicas=limits.ingestor_replicas,
        ray_actor_options={"num_cpus": limits.ingestor_cpus, **settings.placed("ingestor")},
        max_ongoing_requests=limits.ingestor_max_ongoing,
        logging_config=_logging(settings),
        **_replacing(settings),
    )
    return make(kind)


def _gateway(settings: AppArgs, gateway: type[Gateway]) -> serve.Deployment:
    limits, http = settings.serve, settings.http
    make = serve.deployment(
        name="gateway",
        ray_actor_options={"num_cpus": limits.gateway_cpus, **settings.placed("gateway")},
        **_replicas("gateway", limits),
        # The gateway's own bound comes first: it answers with a problem document.
        max_ongoing_requests=2 * http.max_in_flight,
        max_queued_requests=http.max_in_flight,
        backpressure_config=BackpressureConfig(status_code=503, retry_after_s=http.retry_after_s),
        logging_config=_logging(settings),
        **_replacing(settings),
    )
    return make(serve.ingress()(gateway))


def _replicas(name: str, limits: ServeSettings) -> dict[str, Any]:
    """Return how many replicas a deployment has: a fixed number, or as the load asks for.

    With none at rest the first call starts one.
    """
    least, most = limits.bounds(name)
    if most == least:
        return {"num_replicas": least}
    wait_s = limits.wait_s(name)
    policy = {"policy": backlog_policy(wait_s)} if wait_s else {}
    return {
        "autoscaling_config": AutoscalingConfig(
            min_replicas=least,
            max_replicas=most,
            target_ongoing_requests=limits.ongoing(name),
            upscale_delay_s=limits.upscale_delay_s,
            downscale_delay_s=limits.downscale_delay_s,
            **policy,
        )
    }


def _replacing(settings: AppArgs) -> dict[str, Any]:
    """Return how replicas are replaced, those that died and those that are in service."""
    return {
        "health_check_period_s": _HEALTH_CHECK_S,
        "graceful_shutdown_timeout_s": settings.serve.drain_s,
        "graceful_shutdown_wait_loop_s": 0.5,
        "max_surge_percent": _SURGE_PERCENT,
    }


def _logging(settings: AppArgs) -> LoggingConfig:
    """Return how Serve's log files of a replica look; our own access log stands in them."""
    return LoggingConfig(
        encoding="JSON" if settings.log.format == "json" else "TEXT",
        log_level=settings.log.level.upper(),
        enable_access_log=False,
        additional_log_standard_attrs=["name"],
    )
