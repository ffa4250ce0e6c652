"""The line that makes a machine a node of a cluster."""

import json
import shlex
from collections.abc import Mapping

from cluster.tiers.detecting import Machine
from retrieval.reserving import MEMORY
from serve_apps.environment import SERVE_ENVIRONMENT


def start_line(
    machine: Machine, head: str = "", site: str = "", resources: Mapping[str, float] | None = None
) -> str:
    """Return the `ray start` that lets `machine` join the cluster whose head is at `head`.

    Without `head` it starts one. GPUs are counted on purpose: Ray does not see a Jetson's.
    `resources` are what the machine offers beside, such as `rerank_slots`.
    """
    labels = ",".join(f"{name}={value}" for name, value in machine.labels(site).items())
    command = [
        "ray",
        "start",
        f"--address={head}" if head else "--head",
        f"--labels={labels}",
        f"--num-gpus={machine.gpus}",
        *_offered(resources or {}),
        "--disable-usage-stats",
    ]
    return shlex.join(command)


def _offered(resources: Mapping[str, float]) -> list[str]:
    own = {name: amount for name, amount in resources.items() if name != MEMORY}
    memory = [f"--memory={int(resources[MEMORY])}"] if MEMORY in resources else []
    return memory + ([f"--resources={json.dumps(own)}"] if own else [])


def environment_lines() -> list[str]:
    """Return what a shell must export before `ray start`, on every machine of a cluster."""
    return [
        "export RAY_AUTH_MODE=token",
        *(f"export {name}={shlex.quote(value)}" for name, value in SERVE_ENVIRONMENT.items()),
    ]
