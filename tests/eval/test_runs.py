"""Run files as other tools read them."""

from pathlib import Path

import ir_measures
import pytest
import pytrec_eval

from eval.datasets.base import Dataset
from eval.errors import DatasetError, EvaluationError
from eval.evaluate import Options, measure_run
from eval.metrics import ndcg_at_k
from eval.runs import Scored, rank_by_score, read_run, write_run


def test_a_reader_sees_our_order_in_spite_of_ties(tmp_path: Path) -> None:
    answer = list(map(Scored, "abcdz", [0.7, 0.7, 0.7, 0.6, 0.6]))
    write_run({"q": answer}, tmp_path / "x.run", "tag")
    with (tmp_path / "x.run").open() as lines:
        scores = pytrec_eval.parse_run(lines)["q"]
    assert rank_by_score(scores) == list("abcdz")

    qrels = {"q": {"b": 1, "z": 2}}
    measure = ir_measures.parse_measure("nDCG@10")
    theirs = ir_measures.pytrec_eval.calc_aggregate([measure], qrels, {"q": scores})[measure]
    assert abs(theirs - ndcg_at_k(list("abcdz"), qrels["q"])) < 1e-9


def test_scores_that_fall_stay_as_they_are(tmp_path: Path) -> None:
    write_run({"q": [Scored("a", 0.5), Scored("b", 0.25)]}, tmp_path / "x.run", "tag")
    expected = "q Q0 a 1 0.5 tag\nq Q0 b 2 0.25 tag\n"
    assert (tmp_path / "x.run").read_text() == expected


def test_equal_scores_rank_by_falling_id() -> None:
    assert rank_by_score({"a": 1.0, "c": 1.0, "b": 2.0}) == ["b", "c", "a"]


def test_what_was_written_is_read_in_the_same_order(tmp_path: Path) -> None:
    answer = list(map(Scored, "abcdz", [0.7, 0.7, 0.7, 0.6, 0.6]))
    write_run({"q": answer, "r": answer[:1]}, tmp_path / "x.run", "tag")
    found = read_run(tmp_path / "x.run")
    assert [hit.doc_id for hit in found["q"]] == list("abcdz")
    assert [hit.doc_id for hit in found["r"]] == ["a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q Q0 a 1 0.5\n", r"x\.run:1: expected 6 columns, found 5"),
        ("q Q0 a 1 high tag\n", r"x\.run:1: the score 'high' is not a number"),
        ("q Q0 a 1 nan tag\n", r"x\.run:1: the score 'nan' is not a number"),
        ("q Q0 a 1 1 t\n\nq Q0 a 2 0.5 t\n", r"x\.run:3: document 'a' stands twice for 'q'"),
    ],
)
def test_faults_in_run_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.run").write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_run(tmp_path / "x.run")


DATASET = Dataset("tiny", (), {"q": "one?", "r": "two?"}, {"q": {"a": 1}, "r": {"b": 1}})


def test_a_run_of_another_program_is_measured(tmp_path: Path) -> None:
    (tmp_path / "x.run").write_text("q Q0 z 1 0.5 t\nq Q0 a 2 0.4 t\nunjudged Q0 a 1 1 t\n")
    found = measure_run(DATASET, tmp_path / "x.run", Options(metrics=["MRR"], label="other"))
    assert found.run.values("hybrid", "MRR") == {"q": 0.5, "r": 0.0}
    assert found.run.provenance.label == "other"
    assert found.report.modes[0].latency == {}
    assert "p50" not in found.report.to_text()


def test_a_run_over_other_queries_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.run").write_text("301 Q0 a 1 0.5 t\n")
    with pytest.raises(EvaluationError, match="answers no judged query of tiny"):
        measure_run(DATASET, tmp_path / "x.run", Options())
    with pytest.raises(EvaluationError, match="cannot be read"):
        measure_run(DATASET, tmp_path / "none.run", Options())


def test_ids_with_white_space_come_back(tmp_path: Path) -> None:
    names = ["my file.pdf", "tab\tand\u2003more", "plain%20id"]
    dataset = Dataset("spaces", (), {"q 1": "?"}, {"q 1": dict.fromkeys(names, 1)})
    answer = [Scored(name, 1 / rank) for rank, name in enumerate(names, start=1)]
    write_run({"q 1": answer}, tmp_path / "x.run", "tag")
    assert all(len(line.split()) == 6 for line in (tmp_path / "x.run").read_text().splitlines())
    found = measure_run(dataset, tmp_path / "x.run", Options())
    assert [hit.doc_id for hit in found.runs["hybrid"]["q 1"]] == names
    assert found.report.modes[0].metrics["nDCG@10"].mean == 1
