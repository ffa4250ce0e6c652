"""The benchmark of the graph stage, at a size that takes moments."""

from eval.bench.graph import GraphPlan, bench_graph


def test_every_query_names_what_passages_mention() -> None:
    report = bench_graph(GraphPlan(entities=300, passages=2_000, relations=500, queries=40))
    assert report.matched == 40
    assert report.names == 1_500
    assert 0 < report.p50_ms <= report.p95_ms <= report.p99_ms
    assert "300 entities with 1,500 names" in report.to_text()
