"""Starts a cluster of several raylets and writes as JSON on which tiers work lands.

A program, since Ray leaves sockets open in the process that it was used in.
"""

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

import ray
from ray import serve
from ray.cluster_utils import Cluster

from cluster.mesh.dashboard import Dashboard, DashboardAddress
from cluster.mesh.ports import any_free_port
from cluster.tiers.moving import move_back
from retrieval.placement import GPU_CLASS_LABEL, TIER_LABEL, TIERS, placement
from retrieval.reserving import reserved

SMALL: dict[str, Any] = {"num_cpus": 1, "memory": 2**30, "object_store_memory": 100 * 2**20}
APP = "landing"
ALL: list[str] = [*TIERS]
# Whether something is served, the best node dies and comes back, which takes a minute.
SERVES = "PMOVES_TEST_SOAK" in os.environ


def tier_here() -> str | None:
    """Return the tier of the node that runs this."""
    labels: Any = ray.get_runtime_context().get_node_labels()
    tier: str | None = labels.get(TIER_LABEL)
    return tier


def landed(order: list[str], **reserves: float) -> str | None:
    """Return the tier of an actor that likes `order` and reserves amounts."""
    options = {"num_cpus": 0.1, **placement(order), **reserved(reserves)}
    actor: Any = ray.remote(**options)(type("Anything", (), {"tier": lambda _: tier_here()}))
    found: str | None = ray.get(actor.remote().tier.remote(), timeout=60)
    return found


def answer(handle: Any) -> str | None:
    """Ask until a replica answers."""
    while True:
        try:
            tier: str | None = handle.remote().result(timeout_s=120)
        except ray.exceptions.RayError:
            continue
        return tier


def moved_back(handle: Any, dashboard: Dashboard) -> dict[str, Any]:
    """Move at once what may move, while somebody asks all the time; return what was seen."""
    # Serve must be whole again, and the dashboard know the node.
    while not (moved := move_back(dashboard, settled_s=0)):
        time.sleep(0.2)
    (move,) = moved
    seen: list[Any] = []
    while not seen or seen[-1] != move.tier:
        # Nobody is turned away meanwhile: the old replica stays until the new one answers.
        seen.append(handle.remote().result(timeout_s=120))
    while dashboard.serve().applications[APP].deployments["anywhere"].status != "HEALTHY":
        time.sleep(0.2)
    again = [each.deployment for each in move_back(dashboard, settled_s=0)]
    return {"moved": [move.tiers_now, move.tier], "on the way": sorted(set(seen)), "again": again}


def main(target: Path) -> None:
    """Write what was seen to `target`."""
    head = SMALL | {"include_dashboard": SERVES, "dashboard_port": any_free_port()}
    cluster: Any = Cluster(initialize_head=True, head_node_args=head)
    context: Any = ray.init(
        address=cluster.address, logging_level=logging.ERROR, log_to_driver=False
    )
    seen: dict[str, Any] = {"no tier there": landed(ALL)}
    cluster.add_node(**SMALL, labels={TIER_LABEL: "cpu"}, resources={"slots": 1})
    gpu = cluster.add_node(**SMALL, labels={TIER_LABEL: "gpu", GPU_CLASS_LABEL: "h200"})
    cluster.wait_for_nodes()
    seen |= {
        "all tiers": landed(ALL),
        "jetson, then cpu": landed(["jetson", "cpu"]),
        "another card, then cpu": landed(["gpu[class=t4]", "cpu"]),
        "any but another card": landed(["gpu[class=!t4]", "cpu"]),
        "all tiers, a slot": landed(ALL, slots=1, memory=2**20),
    }
    if SERVES:
        with Dashboard(DashboardAddress(f"http://{context.dashboard_url}")) as dashboard:
            seen |= falls_and_returns(cluster, gpu, dashboard)
        serve.shutdown()  # type: ignore[no-untyped-call]
    target.write_text(json.dumps(seen))
    ray.shutdown()
    cluster.shutdown()


def falls_and_returns(cluster: Any, gpu: Any, dashboard: Dashboard) -> dict[str, Any]:
    """Serve, let the best node die and come back; return where the work stood."""
    # Nobody speaks HTTP here, and the port may be taken.
    serve.start(proxy_location="Disabled")
    application = {"name": APP, "import_path": "tests.cluster.tiers.landing_app:build"}
    dashboard.deploy({"proxy_location": "Disabled", "applications": [application]}, 60)
    while (app := dashboard.serve().applications.get(APP)) is None or app.status != "RUNNING":
        time.sleep(0.2)
    handle = serve.get_app_handle(APP)
    seen: dict[str, Any] = {"served": answer(handle)}
    cluster.add_node(**SMALL, labels={TIER_LABEL: "jetson"})
    cluster.remove_node(gpu)
    seen["served, gpu gone"] = answer(handle)
    cluster.add_node(**SMALL, labels={TIER_LABEL: "gpu"})
    cluster.wait_for_nodes()
    early = [each.deployment for each in move_back(dashboard, settled_s=3_600)]
    return seen | {"moved too early": early} | moved_back(handle, dashboard)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
