"""An application of one deployment with the embedder's tiers and share, that grows under load."""

import asyncio
from typing import Any

from ray import serve

from retrieval.placement import TierSettings, placement
from serve_apps.settings import ServeSettings


def build(_args: dict[str, str]) -> serve.Application:
    """Return the application: one replica at rest, six under load."""
    make: Any = serve.deployment(
        name="growing",
        ray_actor_options={
            "num_cpus": ServeSettings().embedder_cpus,
            **placement(TierSettings().embedder),
        },
        max_ongoing_requests=2,
        graceful_shutdown_timeout_s=5,
        autoscaling_config={
            "min_replicas": 1,
            "max_replicas": 6,
            "target_ongoing_requests": 1,
            "upscale_delay_s": 1,
            "downscale_delay_s": 5,
            "metrics_interval_s": 1,
            "look_back_period_s": 2,
        },
    )
    return make(Busy).bind()  # type: ignore[no-any-return]


class Busy:
    """Takes its time."""

    async def __call__(self) -> None:
        """Return after a second."""
        await asyncio.sleep(1)
