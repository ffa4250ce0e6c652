"""Dashboard and alerts name only metrics that there are, and Prometheus understands them."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from serve_apps.metric_table import METRICS, Metric
from tests.docs.pages import ROOT, read_page

FOLDER = ROOT / "k8s/monitoring"
# Made by Prometheus itself for everything that it scrapes.
OF_PROMETHEUS = {"up": {"job", "instance"}}
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}
_SELECTOR = re.compile(r"\b([a-z_:]+)\{([^}]*)\}")
_NAME = re.compile(r"\bpmoves_[a-z_]+\b")
_LABEL = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")


def series() -> dict[str, Metric]:
    """Return the names under which samples appear."""
    return {metric.name + suffix: metric for metric in METRICS for suffix in SUFFIXES[metric.kind]}


def dashboard() -> Any:
    """Return the dashboard."""
    return json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))


def alerts() -> list[dict[str, Any]]:
    """Return the alert rules."""
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries() -> Iterator[tuple[str, str]]:
    """Yield where a query stands, and the query."""
    for rule in alerts():
        yield rule["alert"], rule["expr"]
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for number, block in enumerate(read_page("docs/metrics.md").rows()):
        for query in re.findall(r"`([^`]*\([^`]*pmoves_[^`]*)`", "|".join(block)):
            yield f"docs/metrics.md {number}", query


@pytest.mark.parametrize("query", [pytest.param(query, id=place) for place, query in queries()])
def test_every_metric_that_is_asked_for_exists(query: str) -> None:
    named = set(_NAME.findall(query))
    assert named <= series().keys()
    for name, matchers in _SELECTOR.findall(query):
        known = OF_PROMETHEUS.get(name) or {*series()[name].labels, "le", "job", "instance"}
        assert set(_LABEL.findall(re.sub(r'"[^"]*"', '""', matchers))) <= known, name


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    text = (FOLDER / "dashboard.json").read_text(encoding="utf-8")
    assert not [metric.name for metric in METRICS if metric.name not in text]


def test_the_dashboard_is_one_that_grafana_reads() -> None:
    board = dashboard()
    assert {"title", "uid", "schemaVersion", "templating", "time"} <= board.keys()
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["title"]
        assert panel["description"]
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert {variable["name"] for variable in board["templating"]["list"]} == {
        "datasource",
        "instance",
    }


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do_and_is_tried(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert {"summary", "advice"} <= rule["annotations"].keys()
    tried = yaml.safe_load((FOLDER / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    fired = {
        case["alertname"]
        for test in tried
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert rule["alert"] in fired


@pytest.fixture(scope="module")
def promtool() -> str:
    """Prometheus's own checker."""
    found = shutil.which("promtool", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if found is None and not os.environ.get("CI"):
        pytest.skip("promtool is missing: run scripts/promtool, or install prometheus")
    assert found, "promtool is missing; scripts/promtool fetches it"
    return found


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_agrees(promtool: str, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [promtool, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_reads_what_the_gateway_exposes(promtool: str) -> None:
    from serve_apps.exposition import expose
    from serve_apps.metrics import Metrics

    metrics = Metrics()
    metrics.request("/jobs", "GET", 200, 0.1)
    metrics.set("pmoves_jobs", 1, "queued")
    text = expose({replica: metrics.registry.collect() for replica in ("a", "b")})
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
