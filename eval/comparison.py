"""Two runs over the same queries, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from eval.errors import EvaluationError
from eval.moves import Move, Side, find_moves, moves_text
from eval.statistics import SIGNIFICANCE, Estimate, bootstrap, holm, randomization_p
from eval.stored import StoredRun
from eval.tables import text_table
from retrieval.query import Mode

Verdict = Literal["better", "worse", "no difference shown"]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two series of values by query, to be compared under a name.

    Only queries that stand in both count.
    """

    scope: str
    mode: Mode
    metric: str
    before: Mapping[str, float]
    after: Mapping[str, float]

    @property
    def queries(self) -> list[str]:
        """The queries of both."""
        return [query_id for query_id in self.before if query_id in self.after]


class Difference(BaseModel):
    """How much the second run differs from the first in one metric, paired by query.

    `p_value` is that of a two-sided randomisation test, `p_corrected` the same after
    Holm's correction over all differences of one comparison. `verdict` follows from
    `p_corrected` alone.
    """

    scope: str
    mode: Mode
    metric: str
    queries: int
    before: Estimate
    after: Estimate
    difference: Estimate
    p_value: float
    p_corrected: float
    verdict: Verdict


class RunComparison(BaseModel):
    """The second of two runs against the first."""

    first: str
    second: str
    metric: str
    mode: Mode
    differences: list[Difference]
    moves: list[Move]

    def to_text(self) -> str:
        """Return the comparison as plain text with Markdown tables."""
        head = f"{self.second} against {self.first}, paired by query"
        note = (
            "Differences with 95 % bootstrap intervals; p of two-sided randomisation tests, "
            f"corrected by Holm over {len(self.differences)} comparisons."
        )
        moved = moves_text(self.moves, self.metric, self.mode)
        return "\n\n".join([head, _difference_table(self.differences), note, moved])


def compare_pairs(pairs: Sequence[Pair]) -> list[Difference]:
    """Return the difference of each pair, with p-values corrected over all of them.

    Raises `EvaluationError` for a pair without a query in common.
    """
    raw = [_values(pair) for pair in pairs]
    p_values = [randomization_p(after, before) for before, after in raw]
    return [
        _difference(pair, before, after, p_value, corrected)
        for pair, (before, after), p_value, corrected in zip(
            pairs, raw, p_values, holm(p_values), strict=True
        )
    ]


def compare_runs(
    first: StoredRun, second: StoredRun, metrics: Sequence[str] = (), mode: Mode = "hybrid"
) -> RunComparison:
    """Compare `second` with `first` in all metrics, or in `metrics`, in every mode of both.

    The queries that moved most are those of the first metric in `mode`. Raises
    `EvaluationError` where the runs are over different collections, or share nothing.
    """
    _require_same(first, second)
    modes = [name for name in first.modes if name in second.modes]
    if not modes:
        raise EvaluationError(f"{first.name!r} and {second.name!r} have no mode in common")
    mode = mode if mode in modes else modes[0]
    taken = first.modes[mode].values.keys() & second.modes[mode].values.keys()
    names = list(metrics) or [name for name in first.modes[mode].values if name in taken]
    pairs = [
        Pair("all", name, metric, first.values(name, metric), second.values(name, metric))
        for name in modes
        for metric in names
    ]
    return RunComparison(
        first=first.name,
        second=second.name,
        metric=names[0],
        mode=mode,
        differences=compare_pairs(pairs),
        moves=find_moves(
            Side.of(first, mode, names[0]),
            Side.of(second, mode, names[0]),
            {query_id: query.text for query_id, query in second.queries.items()},
        ),
    )


def _require_same(first: StoredRun, second: StoredRun) -> None:
    if first.provenance.dataset_hash != second.provenance.dataset_hash:
        raise EvaluationError(
            f"{first.name!r} is over {first.provenance.dataset} "
            f"({first.provenance.dataset_hash[:12]}) and {second.name!r} over "
            f"{second.provenance.dataset} ({second.provenance.dataset_hash[:12]}): documents, "
            "queries or judgements differ; evaluate both anew over one collection"
        )


def _values(pair: Pair) -> tuple[list[float], list[float]]:
    if not pair.queries:
        raise EvaluationError(f"{pair.scope}: {pair.metric} has no query in both runs")
    before = [pair.before[query] for query in pair.queries]
    return before, [pair.after[query] for query in pair.queries]


def _difference(
    pair: Pair, before: list[float], after: list[float], p_value: float, corrected: float
) -> Difference:
    change = bootstrap([new - old for old, new in zip(before, after, strict=True)])
    verdict: Verdict = "no difference shown"
    if corrected < SIGNIFICANCE and change.mean:
        verdict = "better" if change.mean > 0 else "worse"
    return Difference(
        scope=pair.scope,
        mode=pair.mode,
        metric=pair.metric,
        queries=len(before),
        before=bootstrap(before),
        after=bootstrap(after),
        difference=change,
        p_value=p_value,
        p_corrected=corrected,
        verdict=verdict,
    )


def _difference_table(differences: Sequence[Difference]) -> str:
    headers = ["mode", "metric", "before", "after", "difference", "p", "p corrected", "verdict"]
    rows = [
        [
            entry.mode,
            entry.metric,
            f"{entry.before.mean:.4f}",
            f"{entry.after.mean:.4f}",
            entry.difference.signed(),
            f"{entry.p_value:.4f}",
            f"{entry.p_corrected:.4f}",
            entry.verdict,
        ]
        for entry in differences
    ]
    return text_table(headers, rows)
