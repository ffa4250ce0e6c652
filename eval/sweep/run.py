"""A sweep from its lists to its report."""

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel
from threadpoolctl import threadpool_limits

from eval.comparison import Difference, Pair, compare_pairs
from eval.errors import EvaluationError
from eval.metrics import parse_metric
from eval.progress import Progress
from eval.sweep.folds import best, held_out, split
from eval.sweep.lists import SharedLists
from eval.sweep.spec import Setting, SweepSpec
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


def run_sweep(
    spec: SweepSpec,
    lists: SharedLists,
    now: Setting,
    known_items: SharedLists | None,
    progress: Progress,
) -> SweepReport:
    """Try every setting on `lists`, choose one, and say what it is worth.

    Known items take no part in the choice. Raises `EvaluationError` for fewer
    queries than folds.
    """
    metric, settings = parse_metric(spec.metric), spec.settings(now)
    queries = list(lists.dataset.judged_queries)
    if len(queries) < spec.folds:
        raise EvaluationError(f"{len(queries)} queries are too few for {spec.folds} folds")
    values: dict[Setting, dict[str, float]] = {}
    # Threads of a matrix product of this size spend their time on waiting for each other.
    with threadpool_limits(1, "blas"):
        for done, setting in enumerate(settings, start=1):
            values[setting] = lists.values(setting, metric)
            progress("sweep", done, len(settings))
    chosen = best(values, queries)
    unseen, choices = held_out(values, split(queries, spec.folds, spec.seed))
    pairs = [
        Pair("same queries", "hybrid", metric.name, values[now], values[chosen]),
        Pair("held out", "hybrid", metric.name, values[now], unseen),
    ]
    if known_items:
        mrr = parse_metric("MRR")
        before, after = known_items.values(now, mrr), known_items.values(chosen, mrr)
        pairs.append(Pair("known items", "hybrid", "MRR", before, after))
    in_sample, on_unseen, *rest = compare_pairs(pairs)
    trials = _trials(values)
    return SweepReport(
        dataset=lists.dataset.name,
        dataset_hash=lists.dataset.content_hash,
        metric=metric.name,
        queries=len(queries),
        in_force=now,
        chosen=chosen,
        choices=choices,
        in_sample=in_sample,
        held_out=on_unseen,
        known_items=rest[0] if rest else None,
        trials=trials,
        profiles={name: _profile(trials, name) for name in Setting.model_fields},
    )


def _trials(values: Mapping[Setting, Mapping[str, float]]) -> list[Trial]:
    found = [
        Trial(setting=setting, mean=float(np.mean(list(series.values()))))
        for setting, series in values.items()
    ]
    return sorted(found, key=lambda trial: -trial.mean)


def _profile(trials: Sequence[Trial], name: str) -> dict[str, float]:
    """Return the best mean for each value of one part of the settings."""
    found: dict[float | str, float] = {}
    for trial in trials:
        found.setdefault(getattr(trial.setting, name), trial.mean)
    ordered = sorted(found, key=lambda value: (isinstance(value, str), value))
    return {value if isinstance(value, str) else f"{value:g}": found[value] for value in ordered}
