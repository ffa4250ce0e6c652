"""Trials with and without a reranker, from the specification to the report."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from eval.errors import EvaluationError
from eval.sweep.run import run_sweep
from eval.sweep.spec import SweepSpec
from eval.sweep.starting import depths, in_force
from eval.sweep.trials import LocalTrials
from eval.sweep.values import Grid
from eval.sweep.workplace import load_model
from retrieval.depths import Depths
from retrieval.settings import LibrarySettings, RerankSettings
from tests.eval.sweep.collection import DATASET, workplace
from tests.eval.sweep.made_up import NOW, MadeUpTrials, swept
from tests.retrieval.rerank.checkpoints import make_classifier

GRID = Grid(use_rerank=[False, True], rerank_topn=[5, 20], rerank_fusion=["mul", "wsum"])


def spec(grid: Mapping[str, object], **fields: object) -> SweepSpec:
    return SweepSpec.model_validate({"dataset": "x", "grid": grid, **fields})


def test_settings_without_a_reranker_are_one() -> None:
    points = SweepSpec(dataset="x", grid=GRID).points(NOW)
    assert sorted(str(point.search).split(", ", 3)[3] for point in points) == [
        "use_rerank false",
        *(
            f"use_rerank true, rerank_topn {topn}, rerank_fusion {rule}"
            for topn in (20, 5)
            for rule in ("mul", "wsum")
        ),
    ]


def test_the_profile_of_a_rerankers_part_is_that_of_reranked_trials() -> None:
    grid = SweepSpec(dataset="x", grid=GRID)
    now = in_force(grid, LibrarySettings(), None)
    assert (now.search.use_rerank, now.search.rerank_topn) == (False, None)
    found = swept(grid, MadeUpTrials(lambda p: 0.7 if p.search.rerank_topn == 20 else 0.5, 0.01))
    report = found.report
    assert list(report.profiles) == ["use_rerank", "rerank_topn", "rerank_fusion"]
    assert list(report.profiles["use_rerank"]) == ["false", "true"]
    assert list(report.profiles["rerank_topn"]) == ["5", "20"]
    assert report.profiles["rerank_topn"]["20"] == report.profiles["use_rerank"]["true"]
    assert report.advice.take == report.chosen


def test_a_reranker_in_force_is_part_of_every_trial() -> None:
    rerank = {"enabled": True, "model": "m", "topn": 30, "fusion": "wsum"}
    settings = LibrarySettings(rerank=rerank)
    found = spec({"alpha": [0.5], "rerank_topn": [10], "rerank_model": ["n"]}, k=5)
    now = in_force(found, settings, None).search
    assert (now.use_rerank, now.rerank_topn, now.rerank_model) == (None, 30, "m")
    (point,) = found.points(in_force(found, settings, None))
    reranking = point.search.reranking(settings.rerank)
    assert reranking is not None
    assert (reranking.model, reranking.topn, reranking.fusion) == ("n", 10, "wsum")
    deep = spec({"rerank_topn": [150]}, k=5)
    assert depths(deep, settings) == Depths(150, 150, 150)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"use_rerank": [False], "rerank_topn": [5]}, "add true, or list nothing"),
        ({"rerank_k": [3, 9], "rerank_topn": [5, 20]}, "9 hits cannot come out of rerank_topn = 5"),
        ({"rerank_topn": [0]}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_is_refused(grid: Mapping[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spec(grid)


def test_parts_of_a_reranker_that_no_trial_would_use_are_refused() -> None:
    with pytest.raises(EvaluationError, match=r"rerank_topn: nothing is reranked; list `use_re"):
        in_force(spec({"rerank_topn": [5]}), LibrarySettings(), None)


@pytest.mark.integration
@pytest.mark.xdist_group("torch")
def test_rerankers_are_judged_and_timed_beside_the_rest(tmp_path: Path) -> None:
    place = replace(workplace(tmp_path, k=5, depths=Depths(40, 40, 40)), load=load_model)
    rerank = RerankSettings(model=str(make_classifier(tmp_path / "model")))
    place = replace(place, settings=place.settings.model_copy(update={"rerank": rerank}))
    wanted = SweepSpec(dataset="x", grid=GRID, k=5, rule="predecessor")
    now = in_force(wanted, place.settings, None)
    trials = LocalTrials(place, {"labelled": DATASET}, lambda _stage, _done, _total: None)
    report = run_sweep(wanted, {"labelled": DATASET}, now, trials).report
    assert [trial.seconds is not None for trial in report.trials] == [True] * 5
    assert len({trial.mean for trial in report.trials}) > 1
