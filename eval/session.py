"""One call of `pmoves evaluate`: collections, suites and the baseline together."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from eval.baseline import Baseline, BaselineCollection
from eval.datasets.base import Dataset
from eval.errors import EvaluationError
from eval.evaluate import Evaluation, Options, evaluate, measure_run
from eval.known_items import known_items
from eval.measuring import standard_metrics
from eval.metrics import LATENCIES
from eval.moves import Side, find_moves, moves_text
from eval.pages.report_page import write_report_page
from eval.progress import Progress
from eval.report import EvaluationReport, write_files
from eval.stored import StoredRun
from eval.suites.judging import Measured, judge
from eval.suites.spec import Collection, Suite, Threshold, suites_by_tag
from eval.systems.base import SearchSystem
from retrieval.query import Mode

ANSWERS = "answers.jsonl"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask, and what to hold the answers against.

    `known_items` is how many of each kind are made from the documents, 0 for none.
    Without `suites` there is one of all queries and one for each tag; with a
    `baseline` these may not fall behind it in the first metric. A run that
    `makes_baseline` needs none.
    """

    options: Options
    known_items: int = 0
    suites: Sequence[Suite] | None = None
    baseline: Baseline | None = None
    makes_baseline: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """What was found, by collection; `moved` says what changed against the baseline."""

    found: Mapping[Collection, Evaluation]
    moved: Sequence[str] = field(default_factory=list)

    @classmethod
    async def run(
        cls, dataset: Dataset, system: SearchSystem, plan: Plan, progress: Progress
    ) -> Self:
        """Evaluate `dataset`, and known items made from it if the plan says so.

        Raises `EvaluationError` for a suite without queries or a baseline of another
        collection, before anything is asked where that can be known.
        """
        datasets: dict[Collection, Dataset] = {"labelled": dataset}
        if plan.known_items:
            datasets["known-items"] = known_items(dataset, plan.known_items)
        suites = {name: _suites(name, item, plan) for name, item in datasets.items()}
        _require_collections(plan, datasets)
        found: dict[Collection, Evaluation] = {}
        for name, item in datasets.items():
            options = _with_metrics(plan.options, suites[name])
            found[name] = await evaluate(item, system, options, progress)
        return cls._judged(found, datasets, suites, plan)

    @classmethod
    def of_run(cls, dataset: Dataset, file: Path | str, plan: Plan) -> Self:
        """Measure the answers in a TREC run file or object; nothing is asked.

        Raises `EvaluationError` with `plan.known_items`, for which a file has no answers.
        """
        if plan.known_items:
            raise EvaluationError("a run file holds no answers to known items; leave one out")
        plan = replace(plan, options=replace(plan.options, modes=("hybrid",)))
        suites = _suites("labelled", dataset, plan)
        _require_collections(plan, {"labelled": dataset})
        found = measure_run(dataset, file, _with_metrics(plan.options, suites))
        return cls._judged({"labelled": found}, {"labelled": dataset}, {"labelled": suites}, plan)

    @classmethod
    def _judged(
        cls,
        found: Mapping[Collection, Evaluation],
        datasets: Mapping[Collection, Dataset],
        suites: Mapping[Collection, Sequence[Suite]],
        plan: Plan,
    ) -> Self:
        measured = {
            name: Measured(item, found[name].run, suites[name]) for name, item in datasets.items()
        }
        judged = judge(measured, plan.baseline, makes_baseline=plan.makes_baseline)
        for name, reports in judged.items():
            found[name].report.suites.extend(reports)
        return cls(found, _moved(found, plan.baseline))

    @property
    def reports(self) -> list[EvaluationReport]:
        """The reports, the labelled collection first."""
        return [item.report for item in self.found.values()]

    @property
    def runs(self) -> dict[Collection, StoredRun]:
        """The runs by collection."""
        return {name: item.run for name, item in self.found.items()}

    @property
    def passed(self) -> bool:
        """Whether every threshold holds."""
        return all(report.passed for report in self.reports)

    def save(self, folder: Path) -> None:
        """Write report, run, page, answers and TREC run files of each collection to `folder`."""
        for item in self.found.values():
            target = folder / item.report.dataset
            write_files(item.report, item.runs, target)
            item.run.save(target)
            write_report_page(item.report, item.run, target)
            if item.journal:
                shutil.move(item.journal.file, target / ANSWERS)
                item.journal.close()


def _suites(name: Collection, dataset: Dataset, plan: Plan) -> list[Suite]:
    if plan.suites is not None:
        suites = [suite for suite in plan.suites if suite.collection == name]
    else:
        metric = (plan.options.metrics or standard_metrics(plan.options.k, plan.options.depth))[0]
        regression = plan.baseline and {metric: Threshold(max_regression=plan.baseline.tolerance)}
        suites = list(suites_by_tag(dataset, name, regression or {}))
    for suite in suites:
        suite.queries(dataset)
        if suite.mode not in plan.options.modes:
            raise EvaluationError(
                f"the suite {suite.name!r} looks at mode {suite.mode}, which is not asked; "
                f"add --mode {suite.mode}"
            )
    return suites


def _require_collections(plan: Plan, datasets: Mapping[Collection, Dataset]) -> None:
    for suite in plan.suites or ():
        if suite.collection not in datasets:
            raise EvaluationError(
                f"the suite {suite.name!r} needs --known-items, and a collection with documents"
            )


def _with_metrics(options: Options, suites: Sequence[Suite]) -> Options:
    """Return `options` with the metrics that the suites need besides."""
    asked = options.metrics or standard_metrics(options.k, options.depth)
    wanted = [name for suite in suites for name in suite.measured if name not in LATENCIES]
    return replace(options, metrics=list(dict.fromkeys([*asked, *wanted])))


def _moved(found: Mapping[Collection, Evaluation], baseline: Baseline | None) -> list[str]:
    """Return, for each collection of the baseline, which queries moved."""
    texts = []
    for name, item in found.items():
        before = baseline.collections.get(name) if baseline else None
        if before is None:
            continue
        for mode, metric in _looked_at(item, before):
            after = Side.of(item.run, mode, metric)
            queries = {query_id: query.text for query_id, query in item.run.queries.items()}
            moves = find_moves(Side(before.values(mode, metric), before.top(mode)), after, queries)
            texts.append(f"{item.report.dataset}: {moves_text(moves, metric, mode)}")
    return texts


def _looked_at(item: Evaluation, before: BaselineCollection) -> list[tuple[Mode, str]]:
    """Return the modes and metrics in which a suite failed, else the first; `before` has them."""
    suites = item.report.suites
    failed = {(suite.mode, check.metric) for suite in suites for check in suite.failures}
    modes = item.run.modes
    usual = [(mode, metric) for mode, found in modes.items() for metric in found.values]
    known = [pair for pair in usual if before.knows(*pair)]
    return [pair for pair in known if pair in failed] or known[:1]
