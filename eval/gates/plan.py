"""What a request leads to: the gate's data sets, and whatever the request adds to them.

A request can make a gate stricter, never laxer: its thresholds and suites hold
besides the gate's own, its time is the least of all, and all data sets are asked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.collections import SAMPLE
from eval.errors import EvaluationError
from eval.gates.definition import Gate, GateDataset
from eval.gates.errors import GateError
from eval.gates.limits import KNOWN_ITEMS, WHOLE, limiting_suite
from eval.gates.requests import AskedDataset, Limits, PublishRequest
from eval.suites.spec import Suite, Threshold, load_suites

_ASKED = "request"


@dataclass(frozen=True, slots=True)
class DatasetPlan:
    """One data set to evaluate: where it lies, and the suites over it, files of suites apart."""

    dataset: GateDataset
    queries_path: str
    k: int
    suites: Sequence[Suite]
    suite_files: Sequence[str]

    def all_suites(self) -> list[Suite]:
        """Return every suite, files read; `GateError` where a file is wrong or a name taken."""
        try:
            read = [suite for file in self.suite_files for suite in load_suites(Path(file))]
        except EvaluationError as error:
            raise GateError("invalid-gate", str(error)) from error
        suites = [*self.suites, *read]
        names = [suite.name for suite in suites]
        for name in names:
            if names.count(name) > 1:
                raise GateError("invalid-gate", f"two suites are called {name!r}; rename one")
        return suites


@dataclass(frozen=True, slots=True)
class GatePlan:
    """Everything that a request asks for, and the seconds that it may take."""

    datasets: Sequence[DatasetPlan]
    timeout_s: float


def plan_of(
    request: PublishRequest, gate: Gate | None, timeout_s: float, roots: Sequence[str] | None
) -> GatePlan:
    """Return what to do for `request`.

    `timeout_s` is for gates that say nothing of it. Paths that the request brings
    must lie below `roots`; None stands for anywhere. Raises `GateError`.
    """
    gate = _required(request, gate)
    asked = request.dataset
    own = timeout_s if gate.timeout_s is None else gate.timeout_s
    limit = min(own, asked.timeout) if asked and asked.timeout else own
    ordered = _ordered(gate, asked)
    first = _dataset_plan(ordered[0], gate, asked, roots)
    return GatePlan(
        [first, *(_dataset_plan(item, gate, None, roots) for item in ordered[1:])], limit
    )


def _required(request: PublishRequest, gate: Gate | None) -> Gate:
    title = f"{request.name}@{request.version}"
    if gate is None:
        raise GateError(
            "unknown-persona",
            f"there is no gate for {title}; write one, and `pmoves personas define` it",
        )
    if gate.persona_id is not None and str(gate.persona_id) != request.persona_id:
        raise GateError(
            "persona-mismatch",
            f"the gate of {title} is for the persona {gate.persona_id}, not {request.persona_id}",
        )
    return gate


def _ordered(gate: Gate, asked: AskedDataset | None) -> list[GateDataset]:
    """Return all data sets, the one that is asked for at the head."""
    if asked is None:
        return list(gate.datasets)
    if asked.id not in {item.id for item in gate.datasets}:
        known = ", ".join(item.id for item in gate.datasets)
        raise GateError(
            "unknown-dataset",
            f"the gate of {gate.title} has no data set {asked.id!r}; it has {known}",
        )
    return sorted(gate.datasets, key=lambda item: item.id != asked.id)


def _dataset_plan(
    item: GateDataset, gate: Gate, asked: AskedDataset | None, roots: Sequence[str] | None
) -> DatasetPlan:
    suites = [
        limiting_suite(WHOLE, item.thresholds, gate.k, mode=item.mode, filters=item.filters),
        limiting_suite(KNOWN_ITEMS, item.known_items, gate.k, mode=item.mode),
    ]
    files = [item.suites_path] if item.suites_path else []
    if asked is not None:
        suites += _asked_suites(item, gate, asked)
        files += [_allowed(asked.suites_path, roots)] if asked.suites_path else []
    return DatasetPlan(item, _queries_path(item, asked, roots), gate.k, suites, files)


def _asked_suites(item: GateDataset, gate: Gate, asked: AskedDataset) -> Iterator[Suite]:
    if not asked.thresholds:
        return
    try:
        limits = {name: _threshold(found) for name, found in asked.thresholds.items()}
        yield limiting_suite(
            _ASKED, limits, asked.k or gate.k, mode=item.mode, filters=item.filters
        )
    except ValueError as error:
        raise GateError("invalid-request", f"payload.dataset.thresholds: {error}") from error


def _threshold(limits: Limits) -> Threshold:
    return Threshold(min=limits.min, max=limits.max)


def _queries_path(
    item: GateDataset, asked: AskedDataset | None, roots: Sequence[str] | None
) -> str:
    """Return the gate's path; that of the request counts only where the gate has none."""
    if item.queries_path is not None:
        return item.queries_path
    if asked is None or asked.queries_path is None:
        raise GateError(
            "dataset-missing",
            f"neither the gate nor the request says where the data set {item.id!r} lies",
        )
    return _allowed(asked.queries_path, roots)


def _allowed(path: str, roots: Sequence[str] | None) -> str:
    if roots is None or path == SAMPLE or any(_below(path, root) for root in roots):
        return path
    raise GateError(
        "path-not-allowed",
        f"{path} lies outside of PMOVES_PERSONAS__ROOTS; add its folder, or define the data set",
    )


def _below(path: str, root: str) -> bool:
    if "://" in path or "://" in root:
        inside = path.startswith(root.rstrip("/") + "/")
        return inside and not {"..", "."} & set(path.split("/"))
    return Path(path).resolve().is_relative_to(Path(root).resolve())
