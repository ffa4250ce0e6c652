"""Reports as other programs read them."""

import csv
import io
import json
import xml.etree.ElementTree as ElementTree

import pytest

from eval.datasets.base import Dataset
from eval.formats import Format, render
from eval.report import EvaluationReport, report_of
from eval.suites.judging import Measured, judge
from eval.suites.spec import Suite
from tests.eval.stored import stored_run

DATASET = Dataset("tiny", (), {"a": "one?", "b": "<two> & more?"}, {q: {"x": 1} for q in "ab"})


@pytest.fixture
def report() -> EvaluationReport:
    """A report with a suite that passes, one that fails and one without thresholds."""
    run = stored_run(DATASET, {"nDCG@10": [1.0, 0.5], "MRR": [1.0, 0.25]}, label="mine")
    suites = [
        Suite.model_validate({"name": "floor", "thresholds": {"MRR": {"min": 0.5}}}),
        Suite.model_validate({"name": "roof", "thresholds": {"nDCG@10": {"min": 0.9, "max": 1}}}),
        Suite.model_validate({"name": "plain"}),
    ]
    found = report_of(run, DATASET, k=10, index_seconds=0)
    found.suites.extend(judge({"labelled": Measured(DATASET, run, suites)})["labelled"])
    return found


def test_json_is_the_report(report: EvaluationReport) -> None:
    (read,) = json.loads(render([report], Format.JSON))["reports"]
    assert EvaluationReport.model_validate(read) == report
    assert not report.passed


def test_csv_has_a_row_for_each_figure(report: EvaluationReport) -> None:
    rows = list(csv.DictReader(io.StringIO(render([report], Format.CSV))))
    by_name = {(row["suite"], row["metric"]): row for row in rows}
    assert by_name["", "MRR"]["mean"] == "0.625"
    assert by_name["", "p50_ms"]["label"] == "mine"
    assert by_name["floor", "MRR"]["queries"] == "2"
    assert float(by_name["roof", "nDCG@10"]["low"]) <= 0.75


def test_junit_has_a_case_for_each_threshold(report: EvaluationReport) -> None:
    root = ElementTree.fromstring(render([report], Format.JUNIT))
    (suite,) = root
    assert suite.attrib == {"name": "tiny", "tests": "4", "failures": "1", "errors": "0"}
    cases = {(case.attrib["classname"], case.attrib["name"]): case for case in suite}
    assert cases.keys() == {
        ("plain", "measured"),
        ("floor", "MRR min 0.5"),
        ("roof", "nDCG@10 min 0.9"),
        ("roof", "nDCG@10 max 1"),
    }
    failure = cases["roof", "nDCG@10 min 0.9"].find("failure")
    assert failure is not None
    assert failure.attrib["message"].startswith("roof: nDCG@10 FAILED: 0.7500 [")
    assert cases["floor", "MRR min 0.5"].find("failure") is None


def test_junit_replaces_what_xml_cannot_hold(report: EvaluationReport) -> None:
    for suite in report.suites:
        suite.name += "\x07\ufffe\ud800 é😀"
    root = ElementTree.fromstring(render([report], Format.JUNIT))
    names = {case.attrib["classname"] for case in root.iter("testcase")}
    assert names == {f"{name}\ufffd\ufffd\ufffd é😀" for name in ("plain", "floor", "roof")}


@pytest.mark.parametrize("form", [Format.TABLE, Format.MARKDOWN])
def test_text_names_what_failed(report: EvaluationReport, form: Format) -> None:
    text = render([report], form)
    assert "roof: nDCG@10 FAILED: 0.7500" in text
    assert "at least 0.9 is asked for" in text
    assert "floor: MRR" not in text
    assert text.startswith("## tiny") == (form is Format.MARKDOWN)


def test_times_have_intervals(report: EvaluationReport) -> None:
    latency = report.modes[0].latency
    assert list(latency) == ["p50_ms", "p95_ms", "p99_ms"]
    assert latency["p50_ms"].mean == pytest.approx(50.5)
    assert latency["p50_ms"].low == pytest.approx(50)
    assert latency["p50_ms"].high == pytest.approx(51)
