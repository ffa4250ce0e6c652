"""Starts a cluster of several raylets and writes as JSON on which tiers work lands.

A program, since Ray leaves sockets open in the process that it was used in.
"""

import json
import logging
import sys
from pathlib import Path
from typing import Any

import ray
from ray import serve
from ray.cluster_utils import Cluster

from retrieval.placement import TIER_LABEL, TIERS, Tier, placement

SMALL: dict[str, Any] = {"num_cpus": 1, "memory": 2**30, "object_store_memory": 100 * 2**20}
ALL: list[Tier] = [*TIERS]


def tier_here() -> str | None:
    """Return the tier of the node that runs this."""
    labels: Any = ray.get_runtime_context().get_node_labels()
    tier: str | None = labels.get(TIER_LABEL)
    return tier


def landed(order: list[Tier]) -> str | None:
    """Return the tier of an actor that likes `order`."""
    options = {"num_cpus": 0.1, **placement(order)}
    actor: Any = ray.remote(**options)(type("Anything", (), {"tier": lambda _: tier_here()}))
    found: str | None = ray.get(actor.remote().tier.remote(), timeout=60)
    return found


def served() -> Any:
    """Return a handle of a deployment that likes all tiers."""
    anywhere: Any = type("Anywhere", (), {"__call__": lambda _: tier_here()})
    options = {"num_cpus": 0.1, **placement(ALL)}
    made: Any = serve.deployment(ray_actor_options=options, health_check_period_s=1)(anywhere)
    return serve.run(made.bind())


def answer_of_a_new_replica(handle: Any) -> str | None:
    """Ask until a replica answers again."""
    while True:
        try:
            answer: str | None = handle.remote().result(timeout_s=120)
        except ray.exceptions.RayError:
            continue
        return answer


def main(target: Path) -> None:
    """Write what was seen to `target`."""
    cluster: Any = Cluster(initialize_head=True, head_node_args=SMALL)
    ray.init(address=cluster.address, logging_level=logging.ERROR, log_to_driver=False)
    seen = {"no tier there": landed(ALL)}
    cluster.add_node(**SMALL, labels={TIER_LABEL: "cpu"})
    gpu = cluster.add_node(**SMALL, labels={TIER_LABEL: "gpu"})
    cluster.wait_for_nodes()
    seen |= {"all tiers": landed(ALL), "jetson, then cpu": landed(["jetson", "cpu"])}
    # Nobody speaks HTTP here, and the port may be taken.
    serve.start(http_options={"location": "NoServer"})
    handle = served()
    seen["served"] = handle.remote().result(timeout_s=60)
    cluster.remove_node(gpu)
    seen["served, gpu gone"] = answer_of_a_new_replica(handle)
    target.write_text(json.dumps(seen))
    serve.shutdown()  # type: ignore[no-untyped-call]
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
