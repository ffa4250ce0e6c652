"""The evaluation around a system whose answers are known beforehand."""

import json
import math
from pathlib import Path

import pytest

from eval.datasets.base import Dataset, DatasetDocument
from eval.errors import EvaluationError
from eval.evaluate import Options, evaluate
from eval.report import EvaluationReport, write_files
from tests.eval.scripted import Answers, ScriptedSystem

DATASET = Dataset(
    "tiny",
    (DatasetDocument("a", "one"), DatasetDocument("b", "two", "B"), DatasetDocument("c", "")),
    {"q1": "first?", "q2": "second?", "q3": "unjudged"},
    {"q1": {"a": 1}, "q2": {"b": 2, "c": 1}},
)
ANSWERS: Answers = {
    ("first?", "hybrid"): ["a", "b"],
    ("second?", "hybrid"): ["b", "b", "a", "c"],
    ("first?", "dense"): ["b", "a"],
    ("second?", "dense"): ["b"],
    ("first?", "lexical"): ["b"],
}


async def test_figures_by_hand() -> None:
    system = ScriptedSystem(ANSWERS)
    found = await evaluate(DATASET, system)
    hybrid, dense, lexical = found.report.modes
    # "b" stands twice: its better passage counts, so "c" is third.
    second = (2 + 1 / math.log2(4)) / (2 + 1 / math.log2(3))
    assert hybrid.metrics["nDCG@10"].mean == pytest.approx((1 + second) / 2)
    assert hybrid.metrics["MRR"].mean == 1
    assert hybrid.metrics["Recall@10"].mean == 1
    assert dense.metrics["MRR"].mean == pytest.approx(0.75)
    assert dense.metrics["hit@1"].mean == pytest.approx(0.5)
    assert dense.metrics["Recall@100"].mean == pytest.approx(0.75)
    assert lexical.metrics["nDCG@10"].mean == 0
    comparison = found.report.comparison
    assert comparison is not None
    assert comparison.better_side == "dense"
    difference = hybrid.metrics["nDCG@10"].mean - dense.metrics["nDCG@10"].mean
    assert comparison.difference.mean == pytest.approx(difference)
    assert comparison.p_value == pytest.approx(0.5, abs=0.02)  # one of two signs, both ways


async def test_what_is_indexed_and_asked() -> None:
    system = ScriptedSystem(ANSWERS)
    found = await evaluate(DATASET, system, Options(modes=["dense"], k=5, depth=50))
    assert [(chunk.doc_id, chunk.text) for chunk in system.chunks] == [
        ("a", "one"),
        ("b", "B\ntwo"),
    ]
    assert {request.query for request in system.requests} == {"first?", "second?"}
    for request in system.requests:
        assert (request.k, request.mode, request.min_index_version) == (50, "dense", 7)
        assert request.namespace == f"eval-{DATASET.documents_hash[:16]}"
    assert found.report.documents_without_text == 1
    assert found.report.comparison is None
    assert list(found.report.modes[0].metrics) == [
        "nDCG@5",
        "MRR",
        "hit@1",
        "Recall@5",
        "Recall@50",
        "Judged@5",
    ]


async def test_a_query_that_is_a_document_does_not_find_itself() -> None:
    dataset = Dataset(
        "self", DATASET.documents, {"a": "first?"}, {"a": {"b": 1}}, drop_identical_ids=True
    )
    found = await evaluate(dataset, ScriptedSystem(ANSWERS), Options(modes=["hybrid"]))
    assert found.report.modes[0].metrics["MRR"].mean == 1
    assert [item.doc_id for item in found.runs["hybrid"]["a"]] == ["b"]


async def test_a_foreign_document_ends_the_evaluation() -> None:
    system = ScriptedSystem({("first?", "hybrid"): ["stranger"]})
    with pytest.raises(EvaluationError, match="'stranger', which is no document of tiny"):
        await evaluate(DATASET, system, Options(modes=["hybrid"]))


async def test_nothing_judged_is_an_error_and_no_zero() -> None:
    dataset = Dataset("blank", DATASET.documents, DATASET.queries, {"q1": {"a": 0}})
    with pytest.raises(EvaluationError, match="no query with a relevant document"):
        await evaluate(dataset, ScriptedSystem({}))


async def test_degraded_answers_are_reported() -> None:
    found = await evaluate(DATASET, ScriptedSystem(ANSWERS, ["dense"]), Options(modes=["hybrid"]))
    assert found.report.modes[0].degraded == 2
    assert "2 of 2 answers in mode hybrid were degraded." in found.report.to_text()


async def test_a_run_says_which_words_were_read_as_others() -> None:
    system = ScriptedSystem(ANSWERS, corrections={"first?": {"first": "fist"}})
    found = await evaluate(DATASET, system, Options(modes=["hybrid"]))
    assert found.run.modes["hybrid"].corrections == {"q1": {"first": "fist"}}


async def test_report_and_runs_as_files(tmp_path: Path) -> None:
    found = await evaluate(DATASET, ScriptedSystem(ANSWERS))
    write_files(found.report, found.runs, tmp_path / "out")
    stored = json.loads((tmp_path / "out" / "report.json").read_text())
    assert EvaluationReport.model_validate(stored) == found.report
    lines = (tmp_path / "out" / "hybrid.run").read_text().splitlines()
    assert lines[0] == "q1 Q0 a 1 1 pmoves-hybrid"
    assert [line.split()[2] for line in lines if line.startswith("q2")] == ["b", "a", "c"]
    assert "Hybrid against dense: nDCG@10" in found.report.to_text()


async def test_a_run_holds_what_its_page_shows() -> None:
    found = await evaluate(DATASET, ScriptedSystem(ANSWERS), Options(command="pmoves evaluate x"))
    assert found.run.provenance.command == "pmoves evaluate x"
    assert found.run.queries["q2"].grades == {"b": 2, "c": 1}
    assert found.run.titles == {"b": "B"}
    assert found.report.created_at == found.run.provenance.created_at
