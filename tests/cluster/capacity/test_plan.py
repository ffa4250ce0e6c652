"""How a plan grows, where it is impossible, and which figures it takes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster.capacity.figures import own, shipped
from cluster.capacity.planning import CapacityPlan, plan
from cluster.capacity.sharding import search_ms, slower
from cluster.capacity.sizes import (
    GIB,
    Demand,
    NodeSize,
    growth,
    growth_exponent,
    index_bytes,
    most_rows,
)
from cluster.capacity.telling import told
from cluster.cli.app import app
from cluster.errors import UsageError
from retrieval.placement import TierSettings

FIGURES = shipped()
ORDERS = TierSettings()


def planned(chunks: int, qps: float, **changes: object) -> CapacityPlan:
    nodes = {"cpu": NodeSize(cores=8, memory_gib=32)}
    demand = Demand.model_validate({"chunks": chunks, "qps": qps, "nodes": nodes} | changes)
    return plan(demand, FIGURES, ORDERS)


def test_the_growth_goes_through_what_was_measured() -> None:
    assert growth(FIGURES, 10_000) == 1
    assert growth(FIGURES, 1_000_000) == pytest.approx(31 / 12)
    assert growth(FIGURES, 100) == 1
    assert 0 < growth_exponent(FIGURES) < 1


def test_every_figure_has_a_source() -> None:
    told_of = {"machine", "measured_on", "dimension", "sources"}
    assert FIGURES.sources.keys() == type(FIGURES).model_fields.keys() - told_of


def test_replicas_follow_the_searches_and_two_gateways_are_the_least() -> None:
    assert (planned(10_000, 0).gateways, planned(10_000, 0).embedders) == (2, 1)
    # 100 searches/s of 16 and of 5 ms, on cores that are busy for 60 %.
    found = planned(10_000, 100)
    assert (found.gateways, found.embedders) == (3, 1)
    assert planned(10_000, 1_000).gateways == 27
    assert planned(1_000_000, 1_000).gateways == 69
    assert planned(1_000_000, 1_000, busy=1.0).gateways == 42


def test_gateways_that_embed_questions_cost_more_and_leave_embedders_the_passages() -> None:
    demand = Demand(chunks=10_000, qps=1_000, nodes={"cpu": NodeSize(cores=8, memory_gib=32)})
    there, here = (plan(demand, FIGURES, ORDERS, questions) for questions in (False, True))
    assert (there.gateways, there.embedders) == (27, 9)
    # 21 ms a search, all of them in the gateway.
    assert (here.gateways, here.embedders) == (35, 1)
    model = here.gateway_memory_bytes - there.gateway_memory_bytes
    assert model == FIGURES.model_bytes
    lines = {line.what: line.because for line in told(here, FIGURES).lines}
    assert lines["embedder replicas"] == "for passages; gateways embed questions"
    assert lines["memory of a gateway"].endswith(", and the model")


def test_memory_bounds_how_many_gateways_share_a_node() -> None:
    bytes_each = index_bytes(FIGURES, 5_000_000)
    found = planned(5_000_000, 500)
    per_node = int(32 * GIB // bytes_each)
    assert found.gateway_nodes == -(-found.gateways // per_node)
    assert most_rows(FIGURES, bytes_each) == pytest.approx(5_000_000, abs=1)
    assert most_rows(FIGURES, 1) == 0


def test_ingest_is_the_sum_of_reading_and_embedding() -> None:
    found = planned(1_080_000, 1, chunks_per_page=1.0, ingest_cores=2)
    assert found.ingest_core_hours == pytest.approx(300 / 30 + 300 / 70)
    assert found.ingest_hours == pytest.approx(found.ingest_core_hours / 2)


def test_each_part_goes_to_the_tier_that_it_likes() -> None:
    nodes = {"gpu": NodeSize(cores=4, memory_gib=16), "cpu": NodeSize(cores=8, memory_gib=32)}
    found = planned(10_000, 10, nodes=nodes)
    assert (found.gateway_tier, found.embedder_tier) == ("cpu", "gpu")
    assert any("no figure of ours comes from a gpu" in one for one in told(found, FIGURES).notes)


def test_vectors_that_no_gateway_holds_are_divided_into_the_fewest_shards() -> None:
    most = most_rows(FIGURES, 32 * GIB)
    assert planned(most, 1).shards is None
    found = planned(3 * most, 50)
    assert found.shards is not None
    assert (found.shards.count, found.shards.rows) == (3, most)
    assert found.shards.memory_bytes <= 32 * GIB
    assert found.gateway_memory_bytes == FIGURES.process_bytes + 24 * 3 * most
    assert found.warm_start_s == pytest.approx(5 * most / 1e6)
    # One of them fills a node, and each has a second replica.
    assert (found.shards.replicas, found.shards.nodes) == (2, 6)


def test_shards_have_replicas_for_the_searches_and_share_large_nodes() -> None:
    nodes = {"cpu": NodeSize(cores=8, memory_gib=32), "gpu": NodeSize(cores=8, memory_gib=128)}
    cost = search_ms(FIGURES, 10_000_000)
    found = planned(20_000_000, 1_000, nodes=nodes).shards
    assert found is not None
    assert (found.count, found.tier) == (2, "cpu")
    assert found.search_ms == pytest.approx(cost)
    assert found.replicas == -(-1_000 * cost // 600)
    assert found.nodes == 2 * found.replicas
    alone = {"gpu": nodes["gpu"]}
    large = planned(100_000_000, 10, nodes=alone).shards
    assert large is not None
    assert large.tier == "gpu"
    assert large.nodes == 2 * large.count


def test_a_shard_costs_what_was_measured_and_grows_as_an_index_does() -> None:
    assert search_ms(FIGURES, FIGURES.shard.rows) == pytest.approx(FIGURES.shard.search_ms)
    assert search_ms(FIGURES, 100 * FIGURES.shard.rows) == pytest.approx(3.3 * 31 / 12)
    assert [slower(FIGURES, count) for count in (1, 4)] == pytest.approx([1.08, 1.39])


def test_a_billion_chunks_are_planned_and_extrapolated() -> None:
    found = told(planned(1_000_000_000, 50), FIGURES)
    assert found.impossible == []
    assert found.plan.shards is not None
    assert found.plan.shards.count == -(-1_000_000_000 // most_rows(FIGURES, 32 * GIB))
    said = "\n".join(found.notes)
    assert "extrapolated" in said
    assert "the way between machines was not measured" in said
    assert any(
        f"PMOVES_DENSE__SHARDS={found.plan.shards.count}" in one.because for one in found.lines
    )
    small = told(planned(1_000_000, 50), FIGURES)
    assert not any("extrapolated" in note or "shards" in note for note in small.notes)
    assert not any("shard" in line.what for line in small.lines)


def test_machines_without_room_for_addresses_will_not_do() -> None:
    nodes = {"cpu": NodeSize(cores=8, memory_gib=8)}
    found = told(planned(1_000_000_000, 50, nodes=nodes), FIGURES)
    assert "a gateway replica needs 24.4 GB for addresses" in found.impossible[0]


def written(folder: Path, **reports: object) -> Path:
    for name, report in reports.items():
        (folder / f"{name}.json").write_text(json.dumps(report))
    return folder


MACHINE = {"cores": 4, "system": "Linux x86_64"}


def layout(shards: int, p50_ms: float, ratio: float) -> dict[str, object]:
    rows = [1_000 // shards] * shards
    return {
        "shards": shards,
        "rows": rows,
        "sharded": {"p50_ms": p50_ms},
        "ratio": {"median": ratio, "low": ratio, "high": ratio},
    }


def test_own_figures_take_the_place_of_those_shipped(tmp_path: Path) -> None:
    measured = [
        {"system": "HTTP", "clients": 16, "searches_per_s": 400.0},
        {"system": "HTTP", "clients": 1, "searches_per_s": 50.0},
        {"system": "in process", "clients": 16, "searches_per_s": 500.0},
    ]
    size = {"memory_ratio": 1.1, "peak_ratio": 1.5, "warm_start_s": 2.0}
    sizes = [
        size | {"chunks": 1_000, "p50_ms": {"hybrid": 1.0}},
        size | {"chunks": 100_000, "p50_ms": {"hybrid": 3.0}},
    ]
    folder = written(
        tmp_path,
        search={"machine": MACHINE, "measured": measured},
        embedding={"machine": MACHINE, "stage_per_s": 80.0},
        ingest={"machine": MACHINE, "ingest_pages_per_s": 200.0},
        growth={"machine": MACHINE, "sizes": sizes},
        shards={"machine": MACHINE, "layouts": [layout(1, 5.0, 1.1), layout(4, 6.0, 1.2)]},
    )
    found = own(folder, FIGURES)
    assert found.search_cpu_ms == pytest.approx(10)
    assert found.embed_query_cpu_ms == pytest.approx(10 * 5 / 21)
    assert (found.embed_passages_per_core_s, found.read_pages_per_core_s) == (40.0, 50.0)
    assert (found.shard.rows, found.shard.search_ms) == (1_000, 5.0)
    assert slower(found, 4) == pytest.approx(1.2)
    assert (found.largest, found.peak_ratio, found.warm_start_s_per_million) == (100_000, 1.5, 20.0)
    assert found.machine == "4 cores, Linux x86_64"
    assert found.sources["search_cpu_ms"].endswith("search.json")
    assert found.sources["disk_bytes_per_chunk"] == FIGURES.sources["disk_bytes_per_chunk"]


def test_what_is_no_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no"):
        own(tmp_path, FIGURES)
    with pytest.raises(UsageError, match=r"search\.json is no report"):
        own(written(tmp_path, search={"machine": MACHINE, "measured": []}), FIGURES)


def test_the_command() -> None:
    found = CliRunner().invoke(app, ["plan", "--chunks", "200000", "--qps", "20", "--json"])
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["plan"]["gateways"] == 2
    huge = CliRunner().invoke(app, ["plan", "--chunks", "1000000000000", "--qps", "20"])
    assert huge.exit_code == 1
    assert "not possible: a gateway replica needs" in huge.stdout
    wrong = CliRunner().invoke(app, ["plan", "--chunks", "1", "--qps", "1", "--tiers", "moon=1x1"])
    assert wrong.exit_code == 2
    assert "'moon=1x1' is not TIER=CORESxGIB" in wrong.stderr
