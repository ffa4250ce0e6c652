"""The growth benchmark, at sizes that take seconds."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from eval.bench.growth import GrowthPlan, bench_growth
from eval.bench.growth_material import DIMENSION, NAMESPACES, Material
from eval.cli import bench_app
from eval.errors import EvaluationError


def test_material_is_repeatable_and_different_by_seed() -> None:
    (first,), (again,) = (list(Material().batches(200, 200, seed=1)) for _ in range(2))
    (other,) = Material().batches(200, 200, seed=2)
    assert first.chunks == again.chunks
    assert np.array_equal(first.vectors, again.vectors)
    assert not {chunk.chunk_id for chunk in first.chunks} & {c.chunk_id for c in other.chunks}
    assert first.documents == 20
    assert {chunk.namespace for chunk in first.chunks} <= NAMESPACES.keys()


def test_material_comes_in_the_asked_number_of_chunks() -> None:
    batches = list(Material().batches(250, 100, seed=1))
    assert [len(batch.chunks) for batch in batches] == [100, 100, 50]
    keys = {(chunk.namespace, chunk.chunk_id) for batch in batches for chunk in batch.chunks}
    assert len(keys) == 250


async def test_questions_lie_near_passages_of_their_topic() -> None:
    material = Material()
    (batch,) = material.batches(5_000, 5_000, seed=1)
    questions = material.questions(50, seed=1)
    assert len(set(questions)) == 50
    vectors = await material.embed_queries(questions)
    assert vectors.shape == (50, DIMENSION)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    right = 0
    for question, vector in zip(questions, vectors, strict=True):
        best = batch.chunks[int(np.argmax(batch.vectors @ vector))]
        right += best.indexed_text.split("w")[0] == question.split("w")[0]
    assert right >= 25  # one in 400 by chance


@pytest.mark.integration
def test_every_figure_is_there(tmp_path: Path) -> None:
    arguments = ["growth", "--size", "300", "--size", "600", "--rounds", "1", "--searches", "20"]
    arguments += ["--folder", str(tmp_path), "--out", str(tmp_path / "out"), "--json"]
    result = CliRunner().invoke(bench_app, arguments, catch_exceptions=False)
    report = json.loads(result.stdout)
    assert json.loads((tmp_path / "out" / "growth.json").read_text()) == report
    assert [size["chunks"] for size in report["sizes"]] == [300, 600]
    assert all(value > 0 for size in report["sizes"] for value in size.values())
    assert [ratio["what"] for ratio in report["ratios"]] == [
        "p95 of a search",
        "searches/s",
        "commit of a document",
        "catch-up chunks/s",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_one_size_shows_no_growth() -> None:
    with pytest.raises(EvaluationError, match="at least two sizes"):
        bench_growth(GrowthPlan((300, 300)))
