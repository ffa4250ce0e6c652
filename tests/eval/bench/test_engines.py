"""The benchmark of engines: on real ones at a size that takes moments, and its report."""

import uuid
from pathlib import Path

import pytest

from eval.bench.engines import EnginesPlan, _require_equal, bench_engines
from eval.bench.engines_report import EnginesBenchReport, Followed, KindRatio, Latencies
from eval.bench.machine import this_machine
from eval.bench.parts import EngineAddresses
from eval.errors import EvaluationError
from retrieval.corpus.store import Corpus
from retrieval.projection.projection import Projection
from retrieval.settings import ElasticsearchSettings, Neo4jSettings
from tests.embedders import WordEmbedder
from tests.engines.process import Engine
from tests.retrieval.building import make_chunk, store
from tests.retrieval.projection.engine import MemoryEngine, chunks_table


@pytest.mark.soak
def test_both_sides_are_measured_and_both_engines_follow(
    elasticsearch_url: str, neo4j_engine: Engine
) -> None:
    engines = EngineAddresses(
        ElasticsearchSettings(
            hosts=[elasticsearch_url], index=f"t{uuid.uuid4().hex[:12]}", patience_ms=60_000
        ),
        Neo4jSettings(url=neo4j_engine.url),
    )
    plan = EnginesPlan(chunks=300, rounds=2, searches=10, changes=100, commit_chunks=50)
    report = bench_engines(plan, engines)
    assert [each.projection for each in report.built] == ["lexical", "graph"]
    assert [each.chunks for each in report.followed] == [100, 100]
    assert len(report.latencies) == 2 * 2 * 2
    assert {each.kind for each in report.ratios} == {"hybrid", "lexical"}
    assert "| hybrid" in report.to_text()


def test_the_report_takes_ratios_by_round_and_medians_by_side() -> None:
    found = [
        Latencies(side=side, kind="hybrid", p50_ms=p95 / 2, p95_ms=p95)
        for side, p95 in (("embedded", 10), ("engines", 20), ("embedded", 30), ("engines", 30))
    ]
    ratio = KindRatio.between("hybrid", found, "engines", "embedded")
    assert (ratio.low, ratio.median, ratio.high) == (1, 1.5, 2)
    built = [Followed(projection="lexical", chunks=1_000, seconds=2)]
    report = EnginesBenchReport(
        machine=this_machine(),
        chunks=1_000,
        rounds=2,
        searches=1,
        built=built,
        followed=built,
        latencies=found,
        ratios=[ratio],
    )
    text = report.to_text()
    assert "500 chunks/s (2.0 s)" in text
    assert "25.0 ms" in text
    assert "1.50 (rounds: 1.00 to 2.00)" in text


def test_an_engine_that_lacks_something_makes_the_figures_worthless(
    tmp_path: Path, word_embedder: WordEmbedder
) -> None:
    engine, corpus = MemoryEngine(), Corpus.open(str(tmp_path), word_embedder.identity)
    projection = Projection(corpus, engine, [chunks_table(corpus)])
    with pytest.raises(EvaluationError, match="nothing of this corpus"):
        _require_equal(projection)
    store(corpus, word_embedder, [make_chunk("a-1", "boat")])
    projection.follow()
    _require_equal(projection)
    assert engine.serving is not None
    engine.serving.entries.clear()
    with pytest.raises(EvaluationError, match="of 1 chunks 1 missing"):
        _require_equal(projection)
