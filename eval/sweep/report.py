"""What a sweep found, and how it is told in plain text."""

from pydantic import BaseModel, computed_field

from eval.bench.machine import Machine
from eval.comparison import Difference
from eval.sweep.faster import Faster
from eval.sweep.plateau import HeatMap
from eval.sweep.points import Point, Trial
from eval.sweep.rules import Advice, advice
from eval.sweep.spec import SweepSpec
from eval.tables import text_table

_SHOWN = 10


class SweepReport(BaseModel):
    """What a sweep found.

    `in_sample` is the chosen point against the one in force on the queries that
    chose it, `held_out` the same on queries that did not, `known_items` on pieces
    of the documents. `choices` are those of the folds, `profiles` the best mean
    for each value of each part that was varied, `faster` what is as good and quicker,
    where times were taken.
    """

    dataset: str
    dataset_hash: str
    spec: SweepSpec
    metric: str
    queries: int
    in_force: Point
    chosen: Point
    choices: list[Point]
    in_sample: Difference
    held_out: Difference
    known_items: Difference | None
    faster: Faster | None
    trials: list[Trial]
    profiles: dict[str, dict[str, float]]
    heat_map: HeatMap | None
    harness: str
    machine: Machine

    @computed_field  # type: ignore[prop-decorator]
    @property
    def advice(self) -> Advice:
        """What the rule says."""
        return advice(self)

    @property
    def head(self) -> str:
        """What was tried, in one line."""
        return (
            f"{self.dataset}: {len(self.trials)} settings, {self.queries} queries, {self.metric}; "
            f"in force: {self.in_force}"
        )

    @property
    def gains(self) -> dict[str, Difference]:
        """What was compared with the point in force, by a name for the reader."""
        found = {"same queries": self.in_sample, "held out": self.held_out}
        if self.known_items:
            found["known items, MRR"] = self.known_items
        if self.faster:
            found[f"fastest, {self.metric}"] = self.faster.quality
            found["fastest, searches/s"] = self.faster.speed
            if self.faster.known_items:
                found["fastest, known items"] = self.faster.known_items
        return found

    @property
    def fold_choices(self) -> dict[Point, int]:
        """How many folds chose each point."""
        return {choice: self.choices.count(choice) for choice in dict.fromkeys(self.choices)}

    def to_text(self) -> str:
        """Return the report as plain text with Markdown tables."""
        tables = [
            text_table([name, f"best {self.metric}"], [[at, f"{v:.4f}"] for at, v in best.items()])
            for name, best in self.profiles.items()
        ]
        parts = [self.head, self._trials(), *tables, self._gains(), self._folds()]
        return "\n\n".join([*parts, *self._fastest(), self.advice.reason])

    def _trials(self) -> str:
        timed = any(trial.seconds for trial in self.trials)
        headers = ["setting", self.metric, *(["mean ms"] if timed else [])]
        rows = [
            [
                str(trial.point),
                f"{trial.mean:.4f}",
                *([f"{1_000 * (trial.seconds or 0):.1f}"] if timed else []),
            ]
            for trial in self.trials[:_SHOWN]
        ]
        return text_table(headers, rows)

    def _gains(self) -> str:
        rows = [
            [name, gain.difference.signed(), f"{gain.p_corrected:.4f}", gain.verdict]
            for name, gain in self.gains.items()
        ]
        return text_table(["chosen against in force", "difference", "p corrected", "verdict"], rows)

    def _folds(self) -> str:
        found = "; ".join(f"{choice} ({count})" for choice, count in self.fold_choices.items())
        return f"Chosen by the {len(self.choices)} folds: {found}."

    def _fastest(self) -> list[str]:
        if self.faster is None:
            return []
        return [f"Fastest of equal quality: {self.faster.point}; saves {self.faster.saved:.1%}."]
