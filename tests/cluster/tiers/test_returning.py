"""When work moves back to a better node, and when it stays."""

from typing import Any

from cluster.mesh.dashboard import Node, ServeDetails
from cluster.tiers.returning import Move, moves
from retrieval.placement import GPU_CLASS_LABEL, TIER_LABEL, TIERS, placement
from retrieval.reserving import reserved

NOW, SETTLED = 10_000.0, 300.0
ANYWHERE: list[str] = [*TIERS]


def node(name: str, tier: str | None, age_s: float = 1_000, **changes: Any) -> Node:
    labels = {TIER_LABEL: tier} if tier else {}
    given = {
        "node_id": name,
        "node_ip": "127.0.0.1",
        "state": "ALIVE",
        "labels": labels,
        "resources_total": {"CPU": 2.0, "GPU": 1.0 if tier == "gpu" else 0.0},
        "start_time_ms": int((NOW - age_s) * 1000),
    }
    return Node.model_validate(given | changes)


def served(
    *places: str,
    order: list[str] = ANYWHERE,
    mark: str = "",
    reserves: dict[str, float] | None = None,
    **changes: Any,
) -> ServeDetails:
    options = {"num_cpus": 0.5, **placement(order), **reserved(reserves or {})}
    if mark:
        options["runtime_env"] = {"env_vars": {"PMOVES_PLACED_FOR": mark}}
    deployment = {
        "status": "HEALTHY",
        "replicas": [{"state": "RUNNING", "node_id": place} for place in places],
        "deployment_config": {"ray_actor_options": options},
    }
    app = {"status": "RUNNING", "deployments": {"embedder": deployment | changes}}
    return ServeDetails.model_validate({"applications": {"pmoves": app}})


def due(serve: ServeDetails, *nodes: Node) -> list[Move]:
    return moves(serve, nodes, NOW, SETTLED)


def test_work_moves_to_a_better_node_that_has_been_there_for_long_enough() -> None:
    serve = served("c")
    assert due(serve, node("c", "cpu"), node("g", "gpu", age_s=299)) == []
    (move,) = due(serve, node("c", "cpu"), node("g", "gpu", age_s=301))
    assert (move.deployment, move.tiers_now, move.tier, move.node_ids) == (
        "embedder",
        ["cpu"],
        "gpu",
        ["g"],
    )


def test_the_best_of_the_better_tiers_is_told() -> None:
    (move,) = due(served("c"), node("c", "cpu"), node("j", "jetson"), node("g", "gpu"))
    assert (move.tier, move.node_ids) == ("gpu", ["g", "j"])


def test_a_machine_without_a_tier_is_worse_than_any() -> None:
    (move,) = due(served("x"), node("x", None), node("c", "cpu"))
    assert (move.tiers_now, move.tier) == (["any"], "cpu")


def test_work_stays_where_it_stands_best() -> None:
    assert due(served("g"), node("g", "gpu"), node("c", "cpu"), node("h", "gpu")) == []
    assert due(served("c", order=["cpu", "gpu"]), node("c", "cpu"), node("g", "gpu")) == []


def test_one_replica_on_a_worse_tier_is_enough() -> None:
    (move,) = due(served("g", "c"), node("g", "gpu"), node("c", "cpu"), node("h", "gpu"))
    assert move.tiers_now == ["cpu", "gpu"]


def test_work_moves_within_a_tier_where_its_order_tells_nodes_apart() -> None:
    def card(name: str, kind: str) -> Node:
        return node(name, "gpu", labels={TIER_LABEL: "gpu", GPU_CLASS_LABEL: kind})

    order = ["gpu[class=h200]", "gpu", "cpu"]
    (move,) = due(served("t", order=order), card("t", "t4"), card("h", "h200"))
    assert (move.tiers_now, move.tier) == (["gpu[class=t4]"], "gpu[class=h200]")
    assert due(served("t", order=order), card("t", "t4"), card("u", "t4")) == []
    assert due(served("t"), card("t", "t4"), card("h", "h200")) == []


def test_a_dead_or_full_node_takes_no_work() -> None:
    here = node("c", "cpu")
    assert due(served("c"), here, node("g", "gpu", state="DEAD")) == []
    assert due(served("c"), here, node("g", "gpu", resources_total={"CPU": 0.4})) == []
    # One of its own replicas there takes half a CPU.
    assert due(served("c", "g"), here, node("g", "gpu", resources_total={"CPU": 0.9})) == []


def test_memory_and_amounts_of_ones_own_must_have_room_as_well() -> None:
    def offers(memory: float, slots: float) -> Node:
        amounts = {"CPU": 2.0, "memory": memory, "rerank_slots": slots}
        return node("g", "gpu", resources_total=amounts)

    here, reserves = node("c", "cpu"), {"memory": 100.0, "rerank_slots": 2.0}
    assert due(served("c", reserves=reserves), here, offers(99, 2)) == []
    assert due(served("c", reserves=reserves), here, offers(100, 1)) == []
    assert due(served("c", "g", reserves=reserves), here, offers(200, 3)) == []
    assert due(served("c", "g", reserves=reserves), here, offers(200, 4)) != []


def test_work_moves_for_the_same_nodes_only_once() -> None:
    here, back = node("c", "cpu"), node("g", "gpu")
    (move,) = due(served("c"), here, back)
    assert due(served("c", mark=move.mark), here, back) == []
    assert due(served("c", mark=move.mark), here, node("g2", "gpu")) != []


def test_work_that_is_being_replaced_is_left_alone() -> None:
    assert due(served("c", status="UPDATING"), node("c", "cpu"), node("g", "gpu")) == []
    assert due(served(order=ANYWHERE), node("c", "cpu"), node("g", "gpu")) == []
    assert due(ServeDetails(), node("g", "gpu")) == []
