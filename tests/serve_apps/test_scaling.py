"""How many replicas of a model the waiting work asks for."""

import asyncio
import threading
from typing import Any

import numpy as np
import pytest
from ray.serve._private.common import DeploymentID
from ray.serve.config import AutoscalingConfig, AutoscalingContext

from retrieval.gathering import Gathering
from retrieval.rerank.settings import RerankSettings
from serve_apps.app import build
from serve_apps.scaling import BACKLOG, BacklogPolicy, backlog_policy
from serve_apps.settings import AppArgs, ServeSettings


def context(replicas: int, requests: float = 0.0, **waiting: float) -> AutoscalingContext:
    config = AutoscalingConfig(min_replicas=1, max_replicas=10, target_ongoing_requests=8)
    metrics: Any = {BACKLOG: waiting} if waiting else {}
    return AutoscalingContext(
        deployment_id=DeploymentID("embedder", "pmoves"),
        deployment_name="embedder",
        app_name="pmoves",
        current_num_replicas=replicas,
        target_num_replicas=replicas,
        running_replicas=[],
        total_num_requests=requests,
        total_queued_requests=0,
        aggregated_metrics=metrics,
        raw_metrics={},
        capacity_adjusted_min_replicas=1,
        capacity_adjusted_max_replicas=10,
        policy_state={},
        last_scale_up_time=None,
        last_scale_down_time=None,
        current_time=0.0,
        config=config,
    )


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (context(2), 0),
        (context(2, a=1.0, b=1.0), 2),
        (context(2, a=2.0, b=4.0), 6),
        (context(4, a=0.1, b=0.1, c=0.0, d=0.0), 1),
        # Many small requests, which wait for less than a second.
        (context(2, requests=40, a=0.1, b=0.1), 5),
    ],
)
def test_replicas_follow_the_seconds_of_work_that_wait(
    found: AutoscalingContext, wanted: int
) -> None:
    assert BacklogPolicy(1.0)(found) == (wanted, {})


def test_half_the_wait_takes_twice_the_replicas() -> None:
    assert BacklogPolicy(0.5)(context(2, a=1.0, b=1.0)) == (4, {})


def test_serve_finds_the_policy_by_its_name() -> None:
    config = AutoscalingConfig(min_replicas=1, max_replicas=2, policy=backlog_policy(3.0))
    made: Any = config.policy.get_policy()
    policy = made(**config.policy.policy_kwargs)
    assert policy(context(1, a=6.0)) == (2, {})


async def test_a_gathering_tells_how_long_its_waiting_work_will_take() -> None:
    going = threading.Event()
    going.set()

    def compute(items: list[str]) -> Any:
        going.wait()
        return np.zeros((len(items), 1), dtype=np.float32)

    gathering: Gathering[str] = Gathering([compute], (1,), 10, 100, "texts wait")
    assert gathering.backlog_s == 0
    await gathering.submit(["a"], [10])
    assert gathering.backlog_s == 0
    going.clear()
    calls = [asyncio.create_task(gathering.submit(["a"], [10])) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    several = gathering.backlog_s
    assert several > 0
    going.set()
    await asyncio.gather(*calls)
    assert gathering.backlog_s == 0
    gathering.close()


def deployments(settings: AppArgs, **serve: Any) -> tuple[Any, Any]:
    """Return embedder and reranker of an application with these settings."""
    changed = {"serve": ServeSettings(**serve), "rerank": RerankSettings(enabled=True)}
    application: Any = build(settings.model_copy(update=changed))
    _, embedder, reranker, *_ = application._bound_deployment.init_args
    return embedder._bound_deployment, reranker._bound_deployment


def test_models_that_rest_at_none_are_started_by_the_load(settings: AppArgs) -> None:
    for model in deployments(settings, embedder_replicas=0, reranker_replicas=0):
        scaling = model._deployment_config.autoscaling_config
        assert (scaling.min_replicas, scaling.max_replicas) == (0, 1)
    for fixed in deployments(settings, embedder_replicas=1, reranker_replicas=1):
        assert fixed._deployment_config.autoscaling_config is None


def test_a_deployment_may_have_targets_of_its_own(settings: AppArgs) -> None:
    common = {"embedder_max_replicas": 2, "reranker_max_replicas": 2, "target_ongoing": 6.0}
    own = {"reranker_target_ongoing": 3.0, "reranker_target_wait_s": 0.5}
    configs = [
        one._deployment_config.autoscaling_config for one in deployments(settings, **common, **own)
    ]
    assert [one.get_target_ongoing_requests() for one in configs] == [6, 3]
    assert [one.policy.policy_kwargs["target_s"] for one in configs] == [1, 0.5]


def test_each_model_has_the_gpus_that_it_is_given(settings: AppArgs) -> None:
    made = deployments(settings, embedder_gpus=0.5, reranker_gpus=0.25)
    assert [one.ray_actor_options["num_gpus"] for one in made] == [0.5, 0.25]
