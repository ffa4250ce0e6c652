"""`pmoves bench ingest` with the ingestion that its caller passes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.bench.ingest import read_with_pypdfium2
from eval.bench.parts import BenchParts
from eval.cli import bench_app
from eval.errors import EvaluationError

ARGUMENTS = ["ingest", "--files", "2", "--pages", "3", "--rounds", "1", "--json"]


def test_the_passed_ingestion_is_measured(tmp_path: Path) -> None:
    arguments = [*ARGUMENTS, "--out", str(tmp_path)]
    parts = BenchParts(read_with_pypdfium2)
    result = CliRunner().invoke(bench_app, arguments, obj=parts, catch_exceptions=False)
    report = json.loads(result.stdout)
    assert (report["files"], report["pages_per_file"], report["rounds"]) == (2, 3, 1)
    assert report["ratio"]["median"] > 0
    assert json.loads((tmp_path / "ingest.json").read_text()) == report


def test_without_one_it_says_so() -> None:
    with pytest.raises(EvaluationError, match="no ingestion to measure"):
        CliRunner().invoke(bench_app, ARGUMENTS, catch_exceptions=False)


def test_peers_need_an_ingestion_before_anything_is_installed() -> None:
    with pytest.raises(EvaluationError, match="run this as `pmoves bench peers`"):
        CliRunner().invoke(bench_app, ["peers"], catch_exceptions=False)


def test_peers_need_a_collection_before_anything_is_installed(tmp_path: Path) -> None:
    arguments = ["peers", str(tmp_path / "none"), "--only", "search"]
    with pytest.raises(EvaluationError, match="none"):
        CliRunner().invoke(bench_app, arguments, catch_exceptions=False)
