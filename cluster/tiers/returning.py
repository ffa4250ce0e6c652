"""Which deployments stand on a worse tier than they need to, now that a better node is back.

A deployment is moved for the same nodes once only: the nodes stand in its environment. So
work that found no room there is not moved to and fro.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from cluster.mesh.dashboard import Deployment, Node, ServeDetails
from retrieval.placement import Selector, answers, place_of
from retrieval.reserving import amounts_of

PLACED_FOR = "PMOVES_PLACED_FOR"


class Move(BaseModel):
    """A deployment that would stand better: where its replicas are, and where they may go."""

    application: str
    deployment: str
    tiers_now: list[str]
    tier: str
    node_ids: list[str]

    @property
    def mark(self) -> str:
        """A name for the nodes that the move is made for."""
        return hashlib.sha256(",".join(sorted(self.node_ids)).encode()).hexdigest()[:16]


def moves(serve: ServeDetails, nodes: Iterable[Node], now_s: float, settled_s: float) -> list[Move]:
    """Return the deployments that should move, by how Serve and the nodes are at `now_s`.

    Only nodes count that have been there for `settled_s` seconds, and only deployments that
    are healthy and were not moved for the same nodes before.
    """
    alive = {node.node_id: node for node in nodes if node.state == "ALIVE"}
    free = _free(serve, alive)
    settled = [node for node in alive.values() if now_s - node.start_time_ms / 1000 >= settled_s]
    found = []
    for application, app in serve.applications.items():
        for name, deployment in app.deployments.items():
            move = _move(application, name, deployment, alive, settled, free)
            if move is not None and move.mark != mark_of(deployment):
                found.append(move)
    return found


def mark_of(deployment: Deployment) -> str:
    """Return for which nodes a deployment was moved last; empty: it never was."""
    environment = (deployment.actor_options.get("runtime_env") or {}).get("env_vars") or {}
    return str(environment.get(PLACED_FOR, ""))


def _move(
    application: str,
    name: str,
    deployment: Deployment,
    alive: Mapping[str, Node],
    settled: Sequence[Node],
    free: Mapping[str, Mapping[str, float]],
) -> Move | None:
    selectors = _selectors(deployment.actor_options)
    here = [
        alive[one.node_id] for one in deployment.replicas if one.node_id and one.node_id in alive
    ]
    if deployment.status != "HEALTHY" or not selectors or not here:
        return None
    worst = max(_rank(node, selectors) for node in here)
    better = [
        node
        for node in settled
        if _rank(node, selectors) < worst and _fits(free[node.node_id], deployment)
    ]
    if not better:
        return None
    best = min(better, key=lambda node: _rank(node, selectors))
    return Move(
        application=application,
        deployment=name,
        tiers_now=sorted({place_of(node.labels, selectors) for node in here}),
        tier=place_of(best.labels, selectors),
        node_ids=sorted(node.node_id for node in better),
    )


def _free(serve: ServeDetails, alive: Mapping[str, Node]) -> dict[str, dict[str, float]]:
    """Return what replicas leave of each node's resources; jobs are not counted."""
    free = {name: dict(node.resources_total) for name, node in alive.items()}
    for app in serve.applications.values():
        for deployment in app.deployments.values():
            needs = amounts_of(deployment.actor_options)
            for replica in deployment.replicas:
                for name, amount in needs.items() if replica.node_id in free else ():
                    left = free[str(replica.node_id)]
                    left[name] = left.get(name, 0.0) - amount
    return free


def _fits(free: Mapping[str, float], deployment: Deployment) -> bool:
    needs = amounts_of(deployment.actor_options)
    return all(free.get(name, 0.0) >= amount for name, amount in needs.items())


def _selectors(options: Mapping[str, Any]) -> list[Selector]:
    first = options.get("label_selector")
    others = [one.get("label_selector") or {} for one in options.get("fallback_strategy") or []]
    return [first, *others] if first else []


def _rank(node: Node, selectors: Sequence[Selector]) -> int:
    """Return the place of the first selector that `node` answers; behind all: none does."""
    ranks = (rank for rank, wanted in enumerate(selectors) if answers(node.labels, wanted))
    return next(ranks, len(selectors))
