"""When a setting is taken: rules over what a sweep found."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel

from eval.comparison import Difference
from eval.sweep.points import Point
from eval.sweep.spec import Rule

if TYPE_CHECKING:
    from eval.sweep.report import SweepReport

GAIN = 0.05
"""The share by which Recall@5 has to grow under rule predecessor."""
SAVED = 0.10
"""The share of the time that has to be saved under rule predecessor, at equal quality."""


class Advice(BaseModel):
    """The point to take, None to keep the one in force, and why, in one sentence."""

    take: Point | None
    reason: str


def advice(report: "SweepReport") -> Advice:
    """Return what the rule of the sweep says of its figures."""
    return RULES[report.spec.rule](report)


def held_out_rule(report: "SweepReport") -> Advice:
    """Take the chosen point where the test shows a gain on held-out queries."""
    if _loses(report.known_items):
        return _keep(report, "the chosen setting loses known items")
    if report.chosen == report.in_force:
        return _keep(report, "nothing that was tried is better")
    if report.held_out.verdict == "better":
        return _take(report.chosen, "the gain survives on queries that did not choose it")
    return _keep(report, "no gain was shown on queries that did not choose it")


def predecessor_rule(report: "SweepReport") -> Advice:
    """Take what gains 5 % of Recall@5 on held-out queries, or saves 10 % of the time.

    What the predecessor planned as its gate, and two conditions more: the test must show
    the gain or the saving, and known items must not be lost.
    """
    gain = report.held_out.difference.mean / max(report.held_out.before.mean, 1e-9)
    shown = report.held_out.verdict == "better" and not _loses(report.known_items)
    if shown and gain >= GAIN:
        return _take(report.chosen, f"{report.metric} grows by {gain:.1%} on held-out queries")
    if (faster := report.faster) is not None:
        good = faster.quality.verdict != "worse" and not _loses(faster.known_items)
        if good and faster.saved >= SAVED and faster.speed.verdict == "better":
            return _take(faster.point, f"it is as good and saves {faster.saved:.1%} of the time")
    return _keep(
        report, f"neither {GAIN:.0%} more {report.metric} nor {SAVED:.0%} less time was shown"
    )


def _loses(known_items: Difference | None) -> bool:
    return known_items is not None and known_items.verdict == "worse"


def _take(point: Point, reason: str) -> Advice:
    return Advice(take=point, reason=f"Take {point}: {reason}.")


def _keep(report: "SweepReport", reason: str) -> Advice:
    return Advice(take=None, reason=f"Keep {report.in_force}: {reason}.")


RULES: Mapping[Rule, Callable[["SweepReport"], Advice]] = {
    "held-out": held_out_rule,
    "predecessor": predecessor_rule,
}
"""The rules by their names."""
