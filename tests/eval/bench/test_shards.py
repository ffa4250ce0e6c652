"""The benchmark of shards, at a size that takes moments."""

import pytest

from eval.bench.shards import ShardsPlan, bench_shards


@pytest.mark.integration
def test_shards_find_what_one_index_finds() -> None:
    report = bench_shards(ShardsPlan(vectors=2_000, layouts=(1, 3), questions=30, rounds=1))
    assert [layout.shards for layout in report.layouts] == [1, 3]
    for layout in report.layouts:
        assert sum(layout.rows) == 2_000
        assert layout.whole.recall == layout.sharded.recall == 1.0
        assert layout.ratio.median > 0
    assert "2,000 vectors, 30 questions a round" in report.to_text()
    assert "+0.0000" in report.to_text()
