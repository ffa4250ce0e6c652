"""What was measured for a gate on one data set."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from eval.gates.limits import WHOLE
from eval.report import EvaluationReport
from eval.statistics import Estimate
from eval.suites.results import Check, Rule
from retrieval.chunk import JsonValue


class GateRow(BaseModel):
    """One metric of one run, as it is stored.

    `rule` is `measured` for a metric without a threshold; `threshold` and `passed`
    are None then, and `value` is None where a threshold's metric was not measured.
    """

    persona_id: str
    name: str
    version: str
    dataset_id: str
    suite: str
    metric: str
    rule: Rule | Literal["measured"]
    threshold: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    passed: bool | None = None
    run_id: str
    dataset_hash: str
    last_run: datetime

    @property
    def key(self) -> tuple[str, ...]:
        """What no two rows share, in the order of lists."""
        persona = (self.name, self.version, self.persona_id)
        return (*persona, self.dataset_id, self.suite, self.metric, self.rule)


@dataclass(frozen=True, slots=True)
class GateEvaluation:
    """One data set of a gate: `reports` of its labelled queries and known items."""

    dataset_id: str
    run_id: str
    reports: Sequence[EvaluationReport]
    ended_at: datetime

    @property
    def dataset_hash(self) -> str:
        """SHA-256 of the collection."""
        return self.reports[0].dataset_hash

    @property
    def checks(self) -> list[Check]:
        """Every threshold."""
        suites = [suite for report in self.reports for suite in report.suites]
        return [check for suite in suites for check in suite.checks]

    @property
    def failures(self) -> list[Check]:
        """The thresholds that do not hold."""
        return [check for check in self.checks if not check.passed]

    @property
    def metrics(self) -> Mapping[str, Estimate]:
        """The figures over all labelled queries."""
        return self._figures().get(WHOLE, {})

    def payload(self) -> dict[str, JsonValue]:
        """Return it as answers have it."""
        checks: list[JsonValue] = [_check(check) for check in self.checks]
        return {
            "dataset_id": self.dataset_id,
            "dataset_hash": self.dataset_hash,
            "run_id": self.run_id,
            "passed": not self.failures,
            "metrics": {name: value.model_dump() for name, value in self.metrics.items()},
            "checks": checks,
        }

    def rows(self, persona_id: str, name: str, version: str) -> Iterator[GateRow]:
        """Yield a row for each threshold, and for each figure that has none."""
        shared = {
            "persona_id": persona_id,
            "name": name,
            "version": version,
            "dataset_id": self.dataset_id,
            "run_id": self.run_id,
            "dataset_hash": self.dataset_hash,
            "last_run": self.ended_at,
        }
        for values in [*map(_checked, self.checks), *self._measured()]:
            yield GateRow.model_validate(shared | values)

    def _figures(self) -> dict[str, Mapping[str, Estimate]]:
        return {suite.name: suite.metrics for item in self.reports for suite in item.suites}

    def _measured(self) -> Iterator[dict[str, object]]:
        limited = {(check.suite, check.metric) for check in self.checks}
        for suite, figures in self._figures().items():
            for metric, value in figures.items():
                if (suite, metric) not in limited:
                    yield {"suite": suite, "metric": metric, "rule": "measured", **_value(value)}


def _checked(check: Check) -> dict[str, object]:
    found = check.model_dump(include={"suite", "metric", "rule", "passed"})
    return found | {"threshold": check.limit, **_value(check.value)}


def _value(found: Estimate | None) -> dict[str, float]:
    return {} if found is None else {"value": found.mean, "low": found.low, "high": found.high}


def _check(check: Check) -> dict[str, JsonValue]:
    found = check.model_dump(mode="json")
    return {"threshold": found.pop("limit"), **found}
