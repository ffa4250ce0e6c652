"""What Ray Serve with HAProxy costs: requests/s of an application that does nothing.

The same application runs under uvicorn alone, in turn, several rounds. The processor
time that each process spends on a request says where the time goes, and what the
machine could do at most.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import psutil
from pydantic import BaseModel

from eval.bench.load import Load, LoadResult, generate
from eval.bench.machine import Machine, this_machine
from eval.bench.noop_app import uvicorn_alone
from eval.bench.parts import ServedNoop
from eval.bench.ratio import Ratio, sides_text
from eval.progress import LineProgress, Progress
from eval.tables import text_table

SERVE, UVICORN = "HAProxy and Serve", "uvicorn alone"
_WARM_UP = 1_000
CpuTimes = Callable[[], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class ServingPlan:
    """`requests` is per round and server; `clients` are at work at once."""

    clients: int = 32
    rounds: int = 3
    requests: int = 10_000


class ServingBenchReport(BaseModel):
    """Requests/s, medians over the rounds; `cpu_ms` is by process, per request through Serve."""

    machine: Machine
    clients: int
    rounds: int
    requests_per_round: int
    serve_per_s: float
    uvicorn_per_s: float
    ratio: Ratio
    failures: int
    cpu_ms: dict[str, float]

    def to_text(self) -> str:
        """Return the report as plain text with Markdown tables."""
        head = (
            f"{self.requests_per_round} requests from {self.clients} clients, median of "
            f"{self.rounds} rounds; {self.machine}"
        )
        sides = {SERVE: f"{self.serve_per_s:.0f}", UVICORN: f"{self.uvicorn_per_s:.0f}"}
        costs = [[name, f"{cost:.3f}"] for name, cost in self.cpu_ms.items()]
        note = (
            f"Serve / uvicorn: {self.ratio}; {self.failures} failed. All processes together need "
            f"{sum(self.cpu_ms.values()):.2f} ms of a core for a request, the load generator too: "
            f"{self.machine.cores} cores do {self._most():.0f}/s at most."
        )
        spent = text_table(["a request through Serve costs", "ms of a core"], costs)
        return sides_text(head, ["serving", "requests/s"], sides, spent, note)

    def _most(self) -> float:
        return self.machine.cores * 1_000 / max(sum(self.cpu_ms.values()), 1e-9)


def bench_serving(
    plan: ServingPlan, served: ServedNoop, progress: Progress | None = None
) -> ServingBenchReport:
    """Measure `served`, which runs behind Serve, against uvicorn alone."""
    progress = progress or LineProgress()
    ours: list[LoadResult] = []
    theirs: list[LoadResult] = []
    spent: list[Mapping[str, float]] = []
    with uvicorn_alone() as (baseline, _):
        for url in (served.url, baseline):
            _load(url, plan.clients, _WARM_UP)
        for number in range(plan.rounds):
            theirs.append(_load(baseline, plan.clients, plan.requests))
            result, cost = _costed(served, plan)
            ours.append(result)
            spent.append(cost)
            progress("round", number + 1, plan.rounds)
    rates, baselines = ([found.per_s for found in side] for side in (ours, theirs))
    return ServingBenchReport(
        machine=this_machine("ray", "uvicorn"),
        clients=plan.clients,
        rounds=plan.rounds,
        requests_per_round=plan.requests,
        serve_per_s=median(rates),
        uvicorn_per_s=median(baselines),
        ratio=Ratio.of(rates, baselines),
        failures=sum(result.failures for result in [*ours, *theirs]),
        cpu_ms=_per_request(spent, plan.requests),
    )


def _costed(served: ServedNoop, plan: ServingPlan) -> tuple[LoadResult, dict[str, float]]:
    """Return what a round gave, and the seconds of processor time that it took by process."""
    before, children = served.cpu_seconds(), _children_seconds()
    result = _load(served.url, plan.clients, plan.requests)
    after = served.cpu_seconds()
    cost = {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}
    cost["load generator"] = _children_seconds() - children
    return result, cost


def _children_seconds() -> float:
    """Return the processor time of the children that have ended, the load generators."""
    times = psutil.Process().cpu_times()
    return float(times.children_user + times.children_system)


def _load(url: str, clients: int, requests: int) -> LoadResult:
    return generate(Load(url=url, clients=clients, bodies=["{}"] * requests))


def _per_request(spent: Sequence[Mapping[str, float]], requests: int) -> dict[str, float]:
    names = sorted({name for cost in spent for name in cost})
    costs = {
        name: median(cost.get(name, 0.0) for cost in spent) * 1_000 / requests for name in names
    }
    return dict(sorted(costs.items(), key=lambda item: -item[1]))
