"""How many replicas of a model there are under load: by the work that waits, not by calls.

A call may hold one question or 256 passages, so that the number of calls says little.
Each replica tells how many seconds its waiting tokens will take.
"""

import math
from statistics import fmean
from typing import Any

from ray.serve.config import AutoscalingContext, AutoscalingPolicy

BACKLOG = "backlog_s"


class BacklogPolicy:
    """Wants so many replicas that none has more than `target_s` seconds of work waiting.

    It never wants fewer than Serve's own policy, which counts requests. Serve applies the
    delays and bounds of the deployment afterwards.
    """

    def __init__(self, target_s: float) -> None:
        self._target_s = target_s

    def __call__(self, ctx: AutoscalingContext) -> tuple[int, dict[str, Any]]:
        """Return the number of replicas wanted, and no state."""
        config: Any = ctx.config
        by_requests = ctx.total_num_requests / config.get_target_ongoing_requests()
        waiting = (ctx.aggregated_metrics or {}).get(BACKLOG, {})
        mean = fmean(waiting.values()) if waiting else 0.0
        by_backlog = ctx.current_num_replicas * mean / self._target_s
        return math.ceil(max(by_requests, by_backlog)), {}


def backlog_policy(target_s: float) -> AutoscalingPolicy:
    """Return the policy in the form that Serve's autoscaling config takes."""
    make: Any = AutoscalingPolicy
    name = f"{__name__}:{BacklogPolicy.__name__}"
    policy: AutoscalingPolicy = make(policy_function=name, policy_kwargs={"target_s": target_s})
    return policy
