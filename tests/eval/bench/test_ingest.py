"""The ingestion benchmark around pypdfium2 itself."""

from pathlib import Path

import pytest

from eval.bench.ingest import IngestPlan, bench_ingest, read_with_pypdfium2
from eval.errors import EvaluationError

PLAN = IngestPlan(files=2, pages_per_file=3, rounds=2)


def silent(stage: str, done: int, total: int) -> None:
    """Say nothing."""


def test_every_round_has_new_files() -> None:
    seen: list[bytes] = []

    def ingest(folder: Path) -> int:
        seen.extend(file.read_bytes() for file in folder.iterdir())
        return read_with_pypdfium2(folder)

    report = bench_ingest(PLAN, ingest, silent)
    assert len(seen) == len(set(seen)) == 4 + 2 * 2
    assert report.ratio.low <= report.ratio.median <= report.ratio.high
    assert report.ingest_pages_per_s > 0
    assert report.ray_ratio is None
    assert "| pypdfium2 alone, one process" in report.to_text()
    assert f"over it times {report.machine.cores} cores: " in report.to_text()


def test_both_ways_are_told_apart() -> None:
    def slowly(folder: Path) -> int:
        return sum(read_with_pypdfium2(folder) for _ in range(9)) // 9

    report = bench_ingest(PLAN, read_with_pypdfium2, silent, on_ray=slowly)
    assert report.ray_ratio is not None
    assert report.ray_ratio.high > 0
    assert "the same by workers of Ray's" in report.to_text()
    assert "By Ray / pypdfium2: " in report.to_text()


def test_lost_pages_are_no_figure() -> None:
    with pytest.raises(EvaluationError, match="79 of 80 pages"):
        bench_ingest(PLAN, lambda folder: read_with_pypdfium2(folder) - 1, silent)
