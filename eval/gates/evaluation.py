"""Asking one data set of a gate, and judging what comes back."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from eval.baseline import Baseline, load_baseline
from eval.datasets.base import Dataset
from eval.errors import EvaluationError, SearchSystemError
from eval.evaluate import Options
from eval.gates.errors import GateError
from eval.gates.limits import KNOWN_ITEMS
from eval.gates.plan import DatasetPlan, GatePlan
from eval.gates.results import GateEvaluation
from eval.known_items import MANY, has_known_items
from eval.progress import Progress
from eval.session import Plan, Session
from eval.suites.spec import Suite
from eval.systems.base import SearchSystem
from retrieval.chunk import utc_now
from retrieval.errors import PmovesError


@dataclass(frozen=True, slots=True)
class Evaluator:
    """What evaluations need: where collections and the search come from, where runs go.

    `collections` takes what `queries_path` may be. `systems` gives a search system
    for one run, which closes it; it may take its time.
    """

    collections: Callable[[str], Dataset]
    systems: Callable[[], SearchSystem]
    runs: Path
    progress: Progress = lambda _stage, _done, _total: None

    async def evaluate(self, plan: GatePlan) -> list[GateEvaluation]:
        """Return what was measured on every data set of `plan`.

        Blocks its loop while it reads and computes. Raises `GateError`.
        """
        loaded = [(item, self._dataset(item), item.all_suites()) for item in plan.datasets]
        system = _opened(self.systems)
        try:
            return [await self._one(system, *parts) for parts in loaded]
        finally:
            await system.close()

    def _dataset(self, item: DatasetPlan) -> Dataset:
        try:
            return self.collections(item.queries_path)
        except (EvaluationError, OSError) as error:
            raise GateError(
                "dataset-missing", f"the data set {item.dataset.id!r} cannot be read: {error}"
            ) from error

    async def _one(
        self, system: SearchSystem, item: DatasetPlan, dataset: Dataset, suites: list[Suite]
    ) -> GateEvaluation:
        run_id = f"{utc_now():%Y%m%dT%H%M%SZ}-gate-{uuid.uuid4().hex[:8]}"
        session = await _asked(system, item, dataset, suites, self.progress)
        found = GateEvaluation(item.dataset.id, run_id, session.reports, utc_now())
        if not found.checks:
            raise GateError(
                "invalid-gate", f"no suite of the data set {item.dataset.id!r} has a threshold"
            )
        session.save(self.runs / run_id)
        return found


def _opened(systems: Callable[[], SearchSystem]) -> SearchSystem:
    try:
        return systems()
    except PmovesError as error:
        raise GateError("gateway-unavailable", str(error)) from error


async def _asked(
    system: SearchSystem,
    item: DatasetPlan,
    dataset: Dataset,
    suites: list[Suite],
    progress: Progress,
) -> Session:
    try:
        plan = _plan(item, dataset, suites)
        return await Session.run(dataset, system, plan, progress)
    except SearchSystemError as error:
        raise GateError("gateway-unavailable", str(error)) from error
    except PmovesError as error:
        raise GateError("evaluation-failed", str(error)) from error
    except (ValidationError, json.JSONDecodeError, KeyError) as error:
        raise GateError(
            "gateway-unavailable",
            f"{system.name} does not answer as a mesh does ({type(error).__name__}); is it one?",
        ) from error


def _plan(item: DatasetPlan, dataset: Dataset, suites: list[Suite]) -> Plan:
    """Return the plan of the harness; known items are asked wherever there are any."""
    wanted = [suite for suite in suites if suite.collection == KNOWN_ITEMS and suite.thresholds]
    asks_known = has_known_items(dataset)
    if wanted and not asks_known:
        raise EvaluationError(
            f"{dataset.name} has no documents to make known items of, and {wanted[0].name!r} "
            "has thresholds for them"
        )
    asked = [suite for suite in suites if asks_known or suite.collection != KNOWN_ITEMS]
    options = Options(
        modes=list(dict.fromkeys(suite.mode for suite in asked)),
        k=item.k,
        namespace=item.dataset.namespace,
        label=item.dataset.id,
    )
    return Plan(
        options, known_items=MANY if asks_known else 0, suites=asked, baseline=_baseline(item)
    )


def _baseline(item: DatasetPlan) -> Baseline | None:
    path = item.dataset.baseline_path
    return load_baseline(Path(path)) if path else None
