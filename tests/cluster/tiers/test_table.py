"""The table of what runs where, and where it lands on given machines."""

import pytest

from cluster.cli.tiers import columns
from cluster.mesh.dashboard import Node
from cluster.settings import Settings
from cluster.tiers.table import Work, placement_table
from retrieval.placement import GPU_CLASS_LABEL, TIER_LABEL, TierSettings
from retrieval.settings import DenseSettings, RerankSettings


def node(tier: str | None, cpus: float = 4, gpus: float = 0, state: str = "ALIVE") -> Node:
    return Node(
        node_id="n",
        node_ip="10.0.0.1",
        state=state,
        labels={TIER_LABEL: tier} if tier else {},
        resources_total={"CPU": cpus, "GPU": gpus},
    )


def work(nodes: list[Node] | None, **tiers: object) -> dict[str, Work]:
    settings = Settings(tiers=TierSettings.model_validate(tiers))
    return {one.name: one for one in placement_table(settings, nodes)}


def test_every_piece_of_work_with_tiers_is_in_the_table() -> None:
    settings = Settings(rerank=RerankSettings(enabled=True), dense=DenseSettings(shards=4))
    orders = [name for name in TierSettings.model_fields if name != "return_s"]
    assert [one.name for one in placement_table(settings)] == orders
    assert set(orders) - work(None).keys() == {"reranker", "shard"}
    (shard,) = (one for one in placement_table(settings) if one.name == "shard")
    assert (shard.least, shard.most) == (4, 4)


def test_the_best_tier_that_lives_is_taken() -> None:
    found = work([node("cpu"), node("gpu", state="DEAD"), node("jetson")])
    assert (found["gateway"].lands, found["embedder"].lands) == ("cpu", "jetson")


def test_a_machine_without_a_tier_does_last() -> None:
    assert work([node(None)])["embedder"].lands == "any"
    assert work([node(None)], embedder="gpu,cpu")["embedder"].lands is None


def test_labels_narrow_where_work_lands() -> None:
    cards = [
        node("gpu").model_copy(update={"labels": {TIER_LABEL: "gpu", GPU_CLASS_LABEL: kind}})
        for kind in ("t4", "l40")
    ]
    found = work(cards, embedder="gpu[class=h200],gpu[class=!t4],cpu", embed="gpu[class=h200],cpu")
    assert found["embedder"].lands == "gpu[class=!t4]"
    assert found["embed"].why == (
        "no node of gpu[class=h200] or cpu; there is gpu[class=l40], gpu[class=t4]"
    )


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ([node("cpu")], "no node of gpu or jetson; there is cpu"),
        ([], "no node of gpu or jetson; there is none"),
        ([node("gpu", cpus=0.1)], "no node of gpu or jetson has 0.5 CPUs"),
    ],
)
def test_what_lands_nowhere_says_why(nodes: list[Node], why: str) -> None:
    found = work(nodes, embedder="gpu,jetson")["embedder"]
    assert (found.lands, found.why) == (None, why)


def test_what_is_reserved_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_RESERVE__EMBEDDER", "memory=2GiB,slots=2")
    monkeypatch.setenv("PMOVES_RESERVE__CHUNK", "memory=1GiB")
    offers = {"CPU": 4.0, "memory": float(2**30), "slots": 2.0}
    small = node("gpu").model_copy(update={"resources_total": offers})
    found = work([small])
    assert found["embedder"].why.endswith("has 0.5 CPUs and 2.0 GiB and 2 slots")
    assert found["chunk"].lands == "gpu"
    large = small.model_copy(update={"resources_total": offers | {"memory": 2.0 * 2**30}})
    assert work([large])["embedder"].lands == "gpu"


def test_the_table_shows_reserves_and_targets_where_there_are_any(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert shown()["embedder"].keys() == {"kind", "tiers", "CPUs", "GPUs", "count", "lands on"}
    monkeypatch.setenv("PMOVES_RESERVE__EMBEDDER", "memory=2GiB,slots=2")
    monkeypatch.setenv("PMOVES_SERVE__EMBEDDER_MAX_REPLICAS", "4")
    monkeypatch.setenv("PMOVES_SERVE__GATEWAY_MAX_REPLICAS", "2")
    monkeypatch.setenv("PMOVES_SERVE__GATEWAY_TARGET_ONGOING", "50")
    found = shown()
    assert (found["embedder"]["reserves"], found["gateway"]["reserves"]) == ("2.0 GiB, 2 slots", "")
    assert (found["embedder"]["target"], found["gateway"]["target"]) == (
        "8 requests, 1 s",
        "50 requests",
    )


def shown() -> dict[str, dict[str, str]]:
    """Return the cells of each piece of work, by their columns."""
    head, rows = columns(placement_table(Settings()))
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def test_replicas_may_grow_with_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_SERVE__EMBEDDER_MAX_REPLICAS", "4")
    monkeypatch.setenv("PMOVES_RERANK__ENABLED", "true")
    monkeypatch.setenv("PMOVES_SERVE__RERANKER_REPLICAS", "0")
    found = work(None)
    assert (found["embedder"].least, found["embedder"].most) == (1, 4)
    # With none at rest there is one when it is asked.
    assert (found["reranker"].least, found["reranker"].most) == (0, 1)
