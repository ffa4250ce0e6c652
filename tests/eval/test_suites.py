"""Suites: their file, their filters, their thresholds, and regressions."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from eval.baseline import Baseline, baseline_of, load_baseline
from eval.datasets.base import Dataset
from eval.errors import EvaluationError
from eval.suites.filters import Filter
from eval.suites.judging import Measured, judge
from eval.suites.results import SuiteReport
from eval.suites.spec import Suite, load_suites, suites_by_tag
from retrieval.chunk import JsonValue
from tests.eval.stored import stored_run

RECORD: Mapping[str, JsonValue] = {
    "query": "what lifts?",
    "tags": ["air", "short"],
    "metadata": {"persona": {"name": "Archon"}, "level": 2, "none": None},
}


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ({"field": "metadata.persona.name", "equals": "Archon"}, True),
        ({"field": "metadata.persona.name", "equals": "Iris"}, False),
        ({"field": "metadata.missing", "equals": None}, False),
        ({"field": "metadata.none", "equals": None}, True),
        ({"field": "metadata.level", "not_equals": 2}, False),
        ({"field": "metadata.missing.deep", "not_equals": 2}, True),
        ({"field": "metadata.level", "in": [1, 2]}, True),
        ({"field": "metadata.missing", "in": [None]}, False),
        ({"field": "metadata.level", "not_in": [1, 3]}, True),
        ({"field": "tags", "contains_any": ["sea", "air"]}, True),
        ({"field": "tags", "contains_any": ["sea"]}, False),
        ({"field": "metadata.level", "contains_any": [2]}, True),
        ({"field": "tags", "exists": True}, True),
        ({"field": "metadata.none", "exists": True}, True),
        ({"field": "metadata.missing", "exists": False}, True),
        ({"field": "query.deeper", "exists": True}, False),
        ({"field": "metadata.level", "in": [2], "not_equals": 2}, False),
    ],
)
def test_filters(conditions: dict[str, JsonValue], holds: bool) -> None:
    assert Filter.model_validate(conditions).matches(RECORD) is holds


def suite_file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "suites.yaml"
    file.write_text(text)
    return file


def test_a_suite_file(tmp_path: Path) -> None:
    (suite,) = load_suites(
        suite_file(
            tmp_path,
            "suites:\n"
            "  - name: air\n"
            "    type: bias\n"
            "    filters: [{field: tags, contains_any: [air]}]\n"
            "    metrics: [recall@5]\n"
            "    thresholds:\n"
            "      ndcg@10: {min: 0.5, max_regression: 0.02}\n"
            "      p95_ms: {max: 200}\n",
        )
    )
    assert suite.measured == ["Recall@5", "nDCG@10", "p95_ms"]
    assert (suite.mode, suite.collection, suite.type) == ("hybrid", "labelled", "bias")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("suites: [", r"suites\.yaml is not YAML"),
        ("suites: []", r"suites\.yaml: suites: "),
        ("- name: x", r"suites\.yaml: the file: "),
        ("suites: [{name: x, filter: []}]", r"suites\.0\.filter: Extra inputs"),
        ("suites: [{name: x, metrics: [top3_hit]}]", "'top3_hit' is no metric; there are nDCG@k"),
        ("suites: [{name: x, thresholds: {MRR: {}}}]", "give min, max or max_regression"),
        (
            "suites: [{name: x, thresholds: {MRR: {min: 0.9}, mrr: {min: 0.1}}}]",
            "MRR has thresholds twice",
        ),
        ("suites: [{name: x, filters: [{field: tags}]}]", "the filter on 'tags' has no condition"),
        ("suites: [{name: x}, {name: x}]", "two suites are called 'x'"),
        (
            "suites: [{name: x, thresholds: {p95_ms: {max_regression: 1}}}]",
            "p95_ms: times depend on the machine; use max",
        ),
        ("suites: [{name: x, type: mean}]", r"suites\.0\.type"),
    ],
)
def test_faults_in_suite_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        load_suites(suite_file(tmp_path, text))


def test_a_missing_suite_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"none\.yaml cannot be read"):
        load_suites(tmp_path / "none.yaml")


QUERIES = [f"q{number}" for number in range(20)]
DATASET = Dataset(
    "many",
    (),
    {query: query for query in QUERIES},
    {query: {"a": 1} for query in QUERIES},
    records={
        query: {"tags": ["even" if at % 2 == 0 else "odd"]} for at, query in enumerate(QUERIES)
    },
)
GOOD = [0.9] * 20
BAD = [0.4] * 20
ONE_BAD = [0.1, *[0.9] * 19]


def suite(name: str = "all", **fields: object) -> Suite:
    return Suite.model_validate({"name": name, **fields})


def judged(
    values: Sequence[float], suites: Sequence[Suite], before: Sequence[float] | None = None
) -> list[SuiteReport]:
    """Judge one run of nDCG@10, with a baseline if there is one."""
    run = stored_run(DATASET, {"nDCG@10": values})
    baseline: Baseline | None = None
    if before is not None:
        baseline = baseline_of({"labelled": stored_run(DATASET, {"nDCG@10": before})}, 0.01)
    return judge({"labelled": Measured(DATASET, run, suites)}, baseline)["labelled"]


def test_a_subset_is_measured_alone() -> None:
    odd = suite("odd", filters=[{"field": "tags", "contains_any": ["odd"]}])
    values = [1.0 if at % 2 else 0.0 for at in range(20)]
    (report,) = judged(values, [odd])
    assert report.queries == 10
    assert report.metrics["nDCG@10"].mean == 1
    assert report.passed
    assert not report.checks


def test_an_empty_subset_is_an_error_and_no_zero() -> None:
    none = suite("none", filters=[{"field": "tags", "contains_any": ["sea"]}])
    with pytest.raises(EvaluationError, match="'none' matches no judged query of many"):
        judged(GOOD, [none])


@pytest.mark.parametrize(
    ("threshold", "passed"),
    [({"min": 0.8}, True), ({"min": 0.95}, False), ({"max": 0.95}, True), ({"max": 0.8}, False)],
)
def test_limits(threshold: dict[str, float], passed: bool) -> None:
    (report,) = judged(GOOD, [suite(thresholds={"nDCG@10": threshold})])
    assert report.passed is passed
    assert len(report.checks) == 1


def test_a_metric_that_nobody_measured_fails() -> None:
    (report,) = judged(GOOD, [suite(thresholds={"MAP": {"min": 0.1}})])
    assert not report.passed
    assert "all: MAP FAILED: it was not measured" in str(report.failures[0])


def test_times_have_limits_too() -> None:
    fast, slow = (suite(thresholds={"p95_ms": {"max": limit}}) for limit in (1_000, 1))
    assert judged(GOOD, [fast])[0].passed
    assert not judged(GOOD, [slow])[0].passed


REGRESSION = suite(thresholds={"nDCG@10": {"max_regression": 0.02}})


@pytest.mark.parametrize(
    ("before", "after", "passed"),
    [
        (GOOD, BAD, False),
        (GOOD, GOOD, True),
        (BAD, GOOD, True),
        # A single query is no evidence, however far the mean falls.
        (GOOD, ONE_BAD, True),
        # All queries, but less than is allowed.
        (GOOD, [0.89] * 20, True),
    ],
)
def test_regressions(before: Sequence[float], after: Sequence[float], passed: bool) -> None:
    (report,) = judged(after, [REGRESSION], before)
    assert report.passed is passed
    (check,) = report.checks
    assert check.value is not None
    assert check.value.mean == pytest.approx(sum(after) / 20 - sum(before) / 20)


def test_many_suites_make_each_regression_harder_to_show() -> None:
    after = [0.5] * 7 + [0.9] * 13
    (alone,) = judged(after, [REGRESSION], GOOD)
    assert not alone.passed
    others = [
        suite(
            f"odd {n}",
            filters=[{"field": "id", "in": ["q18", "q19"]}],
            thresholds={"nDCG@10": {"max_regression": 0}},
        )
        for n in range(8)
    ]
    assert judged(after, [REGRESSION, *others], GOOD)[0].passed


def test_a_regression_needs_a_baseline_of_the_same_questions() -> None:
    with pytest.raises(EvaluationError, match="give --baseline"):
        judged(GOOD, [REGRESSION])
    run = stored_run(DATASET, {"nDCG@10": GOOD})
    other = Dataset("other", (), DATASET.queries, DATASET.qrels)
    baseline = baseline_of({"labelled": stored_run(other, {"nDCG@10": GOOD})}, 0.01)
    with pytest.raises(EvaluationError, match=r"the baseline was made on other .* --save-baseline"):
        judge({"labelled": Measured(DATASET, run, [REGRESSION])}, baseline)


def test_a_baseline_is_a_small_file_with_a_line_for_each_query(tmp_path: Path) -> None:
    baseline = baseline_of({"labelled": stored_run(DATASET, {"nDCG@10": GOOD})}, 0.02)
    baseline.save(tmp_path / "baseline.json")
    again = load_baseline(tmp_path / "baseline.json")
    assert again == baseline
    lines = (tmp_path / "baseline.json").read_text().splitlines()
    assert sum(line.startswith('"q') for line in lines) == 20
    with pytest.raises(EvaluationError, match="has no MAP in mode hybrid for many"):
        again.collections["labelled"].values("hybrid", "MAP")
    (tmp_path / "baseline.json").write_text("{}")
    with pytest.raises(EvaluationError, match=r"baseline\.json is no baseline: code"):
        load_baseline(tmp_path / "baseline.json")


def test_without_a_file_there_is_a_suite_for_each_tag() -> None:
    assert [item.name for item in suites_by_tag(DATASET, "labelled")] == ["all", "even", "odd"]
    untagged = Dataset("plain", (), DATASET.queries, DATASET.qrels)
    assert not suites_by_tag(untagged, "labelled")
