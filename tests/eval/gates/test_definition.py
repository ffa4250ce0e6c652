"""Files of gates, and the gates that come with the program."""

from pathlib import Path

import pytest

from eval.errors import EvaluationError
from eval.gates.definition import default_gates, load_gates
from eval.gates.limits import cut, limiting_suite
from eval.library import labelled_questions
from eval.suites.spec import Threshold

GATE = """
gates:
  - name: Skipper
    version: "3.1"
    k: 5
    timeout_s: 90
    datasets:
      - id: harbour
        queries_path: questions.jsonl
        suites_path: suites.yaml
        thresholds: {nDCG: {min: 0.8}, p95_ms: {max: 300}}
        known_items: {MRR: {min: 0.7}}
      - {id: sample, queries_path: library, thresholds: {MRR: {max_regression: 0.01}}}
      - {id: far, queries_path: "s3://bucket/far", thresholds: {hit@k: {min: 0.5}}}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "gates.yaml"
    file.write_text(text)
    return file


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (gate,) = load_gates(written(tmp_path, GATE))
    assert gate.title == "Skipper@3.1"
    harbour, sample, far = gate.datasets
    assert harbour.queries_path == str(tmp_path / "questions.jsonl")
    assert harbour.suites_path == str(tmp_path / "suites.yaml")
    assert (sample.queries_path, far.queries_path) == ("library", "s3://bucket/far")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("nDCG: {min: 0.8}", "top3_hit@k: {min: 0.8}"), "'top3_hit@5' is no metric; there are"),
        (("nDCG: {min: 0.8}", "nDCG: {least: 0.8}"), r"nDCG\.least: Extra inputs"),
        (("nDCG: {min: 0.8}", "ndcg@5: {min: 1}, nDCG: {min: 0}"), "two thresholds are for one"),
        (("p95_ms: {max: 300}", "p95_ms: {max_regression: 1}"), "times depend on the machine"),
        (("id: sample", "id: harbour"), "two data sets have the same id"),
        (("{MRR: {max_regression: 0.01}}", "{}"), "'sample' has no thresholds and no suites_path"),
        (('version: "3.1"', "version: 3.1"), r"gates\.0\.version: Input should be a valid string"),
        (("name: Skipper", 'name: ""'), "1 to 128 characters"),
        (("name: Skipper", 'name: "a\\nb"'), "no control characters"),
        (("timeout_s: 90", "timeout_s: 0"), r"gates\.0\.timeout_s: "),
        (("timeout_s: 90", "timeout: 90"), r"gates\.0\.timeout: Extra inputs"),
        (("timeout_s: 90", "persona_id: seven"), r"gates\.0\.persona_id: "),
    ],
)
def test_faults_are_named(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        load_gates(written(tmp_path, GATE.replace(*change, 1)))


def test_a_persona_has_one_gate(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"two gates are for Skipper@3\.1"):
        load_gates(written(tmp_path, GATE + GATE.partition("gates:\n")[2]))


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("nDCG", "nDCG@7"),
        ("recall@k", "recall@7"),
        ("MRR", "MRR"),
        ("MRR@k", "MRR@7"),
        ("nDCG@3", "nDCG@3"),
        ("p95_ms", "p95_ms"),
        ("made up", "made up"),
    ],
)
def test_metrics_without_a_cut_get_that_of_the_gate(metric: str, expected: str) -> None:
    assert cut(metric, 7) == expected


def test_thresholds_become_a_suite() -> None:
    suite = limiting_suite("known-items", {"ndcg": Threshold(min=0.5)}, 3, mode="lexical")
    assert suite.thresholds == {"nDCG@3": Threshold(min=0.5)}
    assert (suite.collection, suite.mode) == ("known-items", "lexical")
    assert suite.measured == ["nDCG@3", "MRR", "hit@1"]


def test_the_default_of_archon_asks_ten_questions_that_have_answers() -> None:
    (dataset,) = default_gates()["Archon", "1.0"].datasets
    (chosen,) = dataset.filters
    ids = {str(found) for found in chosen.in_ or []}
    assert (dataset.id, dataset.queries_path, len(ids)) == ("archon-smoke-10", "library", 10)
    text = labelled_questions().read_text(encoding="utf-8")
    assert all(f'"id": "{found}"' in text for found in ids)
    assert dataset.thresholds["MRR"].min == 0.8
    assert dataset.thresholds["nDCG@10"].min == 0.75
