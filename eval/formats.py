"""Reports in the forms that people, scripts and CI systems read."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

from lxml import etree

from eval.report import EvaluationReport
from eval.statistics import Estimate

_COLUMNS = ("dataset", "label", "suite", "mode", "metric", "queries", "mean", "low", "high")
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Format(StrEnum):
    """How a report is printed."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"
    CSV = "csv"
    JUNIT = "junit"


def render(reports: Sequence[EvaluationReport], form: Format) -> str:
    """Return `reports` in one of the forms, without a line break at the end."""
    match form:
        case Format.JSON:
            return json.dumps({"reports": [report.model_dump(mode="json") for report in reports]})
        case Format.MARKDOWN:
            return "\n\n".join(f"## {report.dataset}\n\n{report.to_text()}" for report in reports)
        case Format.CSV:
            return _csv(reports)
        case Format.JUNIT:
            return _junit(reports)
        case Format.TABLE:
            return "\n\n".join(report.to_text() for report in reports)


def _csv(reports: Sequence[EvaluationReport]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(row for report in reports for row in _rows(report))
    return out.getvalue().rstrip("\n")


def _rows(report: EvaluationReport) -> Iterator[list[object]]:
    head = [report.dataset, report.label]
    for entry in report.modes:
        for name, value in {**entry.metrics, **entry.latency}.items():
            yield [*head, "", entry.mode, name, report.queries, *_numbers(value)]
    for suite in report.suites:
        for name, value in suite.metrics.items():
            yield [*head, suite.name, suite.mode, name, suite.queries, *_numbers(value)]


def _numbers(value: Estimate) -> list[float]:
    return [value.mean, value.low, value.high]


def _junit(reports: Sequence[EvaluationReport]) -> str:
    """Return a test case for each threshold, and one for each suite without any."""
    root = etree.Element("testsuites", name="pmoves evaluate")
    for report in reports:
        checks = [(suite, check) for suite in report.suites for check in suite.checks]
        failures = sum(not check.passed for _, check in checks)
        plain = [suite for suite in report.suites if not suite.checks]
        total = len(checks) + len(plain)
        counts = {"tests": str(total), "failures": str(failures), "errors": "0"}
        group = etree.SubElement(root, "testsuite", {"name": _xml(report.dataset), **counts})
        for suite in plain:
            etree.SubElement(group, "testcase", classname=_xml(suite.name), name="measured")
        for suite, check in checks:
            name = f"{check.metric} {check.rule} {check.limit:g}"
            case = etree.SubElement(group, "testcase", classname=_xml(suite.name), name=name)
            if not check.passed:
                etree.SubElement(case, "failure", message=_xml(str(check)), type=check.rule)
            etree.SubElement(case, "system-out").text = _xml(str(check))
    etree.indent(root)
    return etree.tostring(root, encoding="unicode")


def _xml(text: str) -> str:
    """Return `text` with U+FFFD for what XML cannot hold, such as control characters."""
    return _NOT_IN_XML.sub("\ufffd", text)
