"""An application whose one deployment says on which tier it runs."""

from typing import Any

from ray import serve

from retrieval.placement import TIERS, placement
from tests.cluster.tiers.landing import tier_here


def build(_args: dict[str, str]) -> serve.Application:
    """Return the application; it likes all tiers, gpu best."""
    options = {"num_cpus": 0.1, **placement([*TIERS])}
    make: Any = serve.deployment(
        name="anywhere",
        ray_actor_options=options,
        health_check_period_s=1,
        max_surge_percent=100,
        graceful_shutdown_timeout_s=5,
    )
    return make(Anywhere).bind()  # type: ignore[no-any-return]


class Anywhere:
    """Says where it is."""

    def __call__(self) -> str | None:
        """Return the tier."""
        return tier_here()
