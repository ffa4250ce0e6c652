"""`pmoves bench ingest` with the ingestion that its caller passes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.bench.ingest import read_with_pypdfium2
from eval.cli import bench_app
from eval.errors import EvaluationError

ARGUMENTS = ["ingest", "--files", "2", "--pages", "3", "--rounds", "1", "--json"]


def test_the_passed_ingestion_is_measured(tmp_path: Path) -> None:
    arguments = [*ARGUMENTS, "--out", str(tmp_path / "figures.json")]
    result = CliRunner().invoke(
        bench_app, arguments, obj=read_with_pypdfium2, catch_exceptions=False
    )
    report = json.loads(result.stdout)
    assert (report["files"], report["pages_per_file"], report["rounds"]) == (2, 3, 1)
    assert report["ratio"] > 0
    assert json.loads((tmp_path / "figures.json").read_text()) == report


def test_without_one_it_says_so() -> None:
    with pytest.raises(EvaluationError, match="no ingestion to measure"):
        CliRunner().invoke(bench_app, ARGUMENTS, catch_exceptions=False)
