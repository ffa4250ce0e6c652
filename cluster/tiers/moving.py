"""Moves deployments to better nodes, by a rolling replacement that Serve does itself."""

import time
from typing import Any

from cluster.mesh.dashboard import Dashboard
from cluster.tiers.returning import PLACED_FOR, Move, moves

_DEPLOY_S = 60.0


def move_back(dashboard: Dashboard, settled_s: float) -> list[Move]:
    """Give Serve the moves that are due; return them.

    What is deployed stays as it is, but for a mark in the environment of each deployment
    that moves. For that Serve starts a new replica, which lands on the best tier with room,
    and stops an old one then. Raises `MeshError` where Ray's dashboard does not answer.
    """
    serve = dashboard.serve()
    due = moves(serve, dashboard.nodes(), time.time(), settled_s)
    if due:
        config = dashboard.deployed()
        for move in due:
            options = serve.applications[move.application].deployments[move.deployment]
            _mark(config, move, options.actor_options)
        dashboard.deploy(config, _DEPLOY_S)
    return due


def _mark(config: dict[str, Any], move: Move, options: dict[str, Any]) -> None:
    application = next(one for one in config["applications"] if one["name"] == move.application)
    overrides: list[dict[str, Any]] = application.setdefault("deployments", [])
    override = _override(overrides, move.deployment)
    environment = dict(options.get("runtime_env") or {})
    variables = dict(environment.get("env_vars") or {}) | {PLACED_FOR: move.mark}
    given = {name: value for name, value in options.items() if value is not None}
    override["ray_actor_options"] = given | {"runtime_env": environment | {"env_vars": variables}}


def _override(overrides: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for override in overrides:
        if override["name"] == name:
            return override
    overrides.append({"name": name})
    return overrides[-1]
