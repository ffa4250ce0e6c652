"""Run files as other tools read them."""

from pathlib import Path

import ir_measures
import pytrec_eval

from eval.metrics import ndcg_at_k
from eval.runs import Scored, rank_by_score, write_run


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
