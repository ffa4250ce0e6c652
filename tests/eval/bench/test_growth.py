"""The growth benchmark, at sizes that take seconds."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from eval.bench.growth import GrowthPlan, bench_growth, fill_growth
from eval.bench.growth_material import DIMENSION, NAMESPACES, SHELVES, Material, shelf_name
from eval.bench.growth_side import KINDS
from eval.cli import bench_app
from eval.errors import EvaluationError
from retrieval.corpus.store import Corpus

# Two times three commits of a hundred chunks.
ADDED_BY_A_ROUND = 600


def test_material_is_repeatable_and_different_by_seed() -> None:
    (first,), (again,) = (list(Material().batches(200, 200, seed=1)) for _ in range(2))
    (other,) = Material().batches(200, 200, seed=2)
    assert first.chunks == again.chunks
    assert np.array_equal(first.vectors, again.vectors)
    assert not {chunk.chunk_id for chunk in first.chunks} & {c.chunk_id for c in other.chunks}
    assert len(first.documents) == 20
    assert {chunk.metadata["shelf"] for chunk in first.chunks} <= set(
        map(shelf_name, range(SHELVES))
    )
    assert {chunk.namespace for chunk in first.chunks} <= NAMESPACES.keys()


def test_material_comes_in_the_asked_number_of_chunks() -> None:
    batches = list(Material().batches(250, 100, seed=1))
    assert [len(batch.chunks) for batch in batches] == [100, 100, 50]
    keys = {(chunk.namespace, chunk.chunk_id) for batch in batches for chunk in batch.chunks}
    assert len(keys) == 250


def test_material_can_begin_in_the_middle() -> None:
    _, *rest = Material().batches(250, 100, seed=1)
    again = list(Material().batches(250, 100, seed=1, skip=1))
    assert [batch.chunks for batch in again] == [batch.chunks for batch in rest]


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
def test_every_figure_is_there_and_corpora_in_a_folder_serve_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.bench.cli.GrowthPlan", partial(GrowthPlan, commits=3))
    monkeypatch.setattr("eval.bench.growth_side._WARM_UP", 2)
    monkeypatch.setattr("eval.bench.growth_side._NEW_FILTERS", 3)
    folder = ["--folder", str(tmp_path)]
    invoke("growth", "--size", "300", "--fill-only", *folder)
    assert count(tmp_path / "300-chunks") == 300
    report = measured("--out", str(tmp_path), *folder)
    added = [count(tmp_path / f"{size}-chunks") - size for size in (300, 600)]
    assert added == [ADDED_BY_A_ROUND] * 2
    assert json.loads((tmp_path / "growth.json").read_text()) == report
    assert [size["chunks"] for size in report["sizes"]] == [300, 600]
    for size in report["sizes"]:
        for kinds in (size.pop("p50_ms"), size.pop("p95_ms")):
            assert kinds.keys() == {*KINDS, "hybrid during ingest"}
            assert all(value > 0 for value in kinds.values())
        assert all(value > 0 for value in size.values())
    assert {f"p95, {kind}" for kind in KINDS} < {ratio["what"] for ratio in report["ratios"]}


def test_a_corpus_that_was_begun_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.bench.growth_side._FILL", 100)
    plan = GrowthPlan((300,))

    def interrupt(stage: str, done: int, total: int) -> None:
        if done == 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill_growth(plan, tmp_path, interrupt)
    assert count(tmp_path / "300-chunks") == 200
    fill_growth(plan, tmp_path)
    rows = Corpus.open_existing(str(tmp_path / "300-chunks" / "corpus")).dataset().to_table()
    every = {chunk.chunk_id for batch in Material().batches(300, 100, 0) for chunk in batch.chunks}
    assert set(rows["chunk_id"].to_pylist()) == every


def test_filling_only_needs_a_folder() -> None:
    with pytest.raises(EvaluationError, match="needs --folder"):
        invoke("growth", "--fill-only")


def test_one_size_shows_no_growth() -> None:
    with pytest.raises(EvaluationError, match="at least two sizes"):
        bench_growth(GrowthPlan((300, 300)))


def invoke(*arguments: str) -> str:
    """Run the command and return what it prints."""
    return CliRunner().invoke(bench_app, arguments, catch_exceptions=False).stdout


def measured(*arguments: str) -> dict[str, Any]:
    """Return the figures of one short round at two sizes."""
    sizes = ["--size", "300", "--size", "600", "--rounds", "1", "--searches", "20"]
    found: dict[str, Any] = json.loads(invoke("growth", *sizes, "--json", *arguments))
    return found


def count(home: Path) -> int:
    """Return how many chunks one side holds."""
    return Corpus.open_existing(str(home / "corpus")).dataset().count_rows()
