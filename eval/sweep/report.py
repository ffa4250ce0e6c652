"""What a sweep found, and how it is told."""

from pydantic import BaseModel

from eval.comparison import Difference
from eval.sweep.spec import Setting
from eval.tables import text_table

_SHOWN = 10


class Trial(BaseModel):
    """One setting with its mean over all queries."""

    setting: Setting
    mean: float


class SweepReport(BaseModel):
    """What a sweep found.

    `in_sample` is the chosen setting against the one in force on the queries that
    chose it, `held_out` the same on queries that did not, `known_items` on pieces
    of the documents. `choices` are those of the folds, `profiles` the best mean
    for each value of each part of a setting.
    """

    dataset: str
    dataset_hash: str
    metric: str
    queries: int
    in_force: Setting
    chosen: Setting
    choices: list[Setting]
    in_sample: Difference
    held_out: Difference
    known_items: Difference | None
    trials: list[Trial]
    profiles: dict[str, dict[str, float]]

    @property
    def advice(self) -> str:
        """What the figures allow to be said."""
        if self.known_items and self.known_items.verdict == "worse":
            return f"Keep {self.in_force}: the chosen setting loses known items."
        if self.chosen == self.in_force:
            return f"Keep {self.in_force}: nothing that was tried is better."
        if self.held_out.verdict == "better":
            return f"Take {self.chosen}: the gain survives on queries that did not choose it."
        return f"Keep {self.in_force}: no gain was shown on queries that did not choose it."

    def to_text(self) -> str:
        """Return the report as plain text with Markdown tables."""
        head = (
            f"{self.dataset}: {len(self.trials)} settings, {self.queries} queries, {self.metric}; "
            f"in force: {self.in_force}"
        )
        trials = [[str(trial.setting), f"{trial.mean:.4f}"] for trial in self.trials[:_SHOWN]]
        profiles = [
            text_table([name, f"best {self.metric}"], [[at, f"{v:.4f}"] for at, v in best.items()])
            for name, best in self.profiles.items()
            if len(best) > 1
        ]
        parts = [head, text_table(["setting", self.metric], trials), *profiles]
        return "\n\n".join([*parts, self._gains(), self._folds(), self.advice])

    def _gains(self) -> str:
        gains = {"same queries": self.in_sample, "held out": self.held_out}
        gains |= {"known items, MRR": self.known_items} if self.known_items else {}
        rows = [
            [name, gain.difference.signed(), f"{gain.p_corrected:.4f}", gain.verdict]
            for name, gain in gains.items()
        ]
        return text_table(["chosen against in force", "difference", "p corrected", "verdict"], rows)

    def _folds(self) -> str:
        counts = {choice: self.choices.count(choice) for choice in dict.fromkeys(self.choices)}
        found = "; ".join(f"{choice} ({count})" for choice, count in counts.items())
        return f"Chosen by the {len(self.choices)} folds: {found}."
