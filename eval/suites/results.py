"""What became of a suite."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from eval.statistics import Estimate
from retrieval.query import Mode

Rule = Literal["min", "max", "max_regression", "present"]


class Check(BaseModel):
    """One threshold: the rule with its limit, the value, and whether it held.

    For `max_regression` the value is the paired difference to the baseline, and
    `p_value` that of the randomisation test after Holm's correction.
    """

    suite: str
    metric: str
    rule: Rule
    limit: float
    value: Estimate | None = None
    p_value: float | None = None
    passed: bool

    def __str__(self) -> str:
        verdict = "holds" if self.passed else "FAILED"
        head = f"{self.suite}: {self.metric} {verdict}"
        if self.rule == "present" or self.value is None:
            return f"{head}: it was not measured; add it with --metric"
        if self.rule == "max_regression":
            return (
                f"{head}: {self.value.signed()} against the baseline, "
                f"p = {self.p_value:.4f} corrected; "
                f"at most -{self.limit:g} is allowed"
            )
        word = "at least" if self.rule == "min" else "at most"
        return f"{head}: {self.value}, {word} {self.limit:g} is asked for"


class SuiteReport(BaseModel):
    """A suite's figures in its mode, and its thresholds."""

    name: str
    type: str
    description: str
    mode: Mode
    queries: int
    metrics: dict[str, Estimate]
    checks: list[Check] = Field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every threshold holds."""
        return not self.failures

    @property
    def failures(self) -> list[Check]:
        """The thresholds that do not hold."""
        return [check for check in self.checks if not check.passed]

    def row(self, metrics: Sequence[str]) -> list[str]:
        """Return its row in a table with the columns `metrics`."""
        result = ("passed" if self.passed else "FAILED") if self.checks else ""
        values = [str(self.metrics.get(name, "")) for name in metrics]
        return [self.name, self.mode, str(self.queries), *values, result]
