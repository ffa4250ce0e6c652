"""What grows with the corpus: searches, commits, catching up, starting, memory.

Each size has a corpus of its own, and all are measured in turn in the same rounds,
so that the ratio of the largest to the smallest holds on a busy machine too. There
is no model: only what depends on the size is measured.
"""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from eval.bench.growth_found import Found
from eval.bench.growth_report import GrowthBenchReport, SizeMeasured, memory_ratio, ratios
from eval.bench.growth_side import GrowthPlan, Side
from eval.bench.growth_start import Start, start
from eval.bench.machine import this_machine
from eval.errors import EvaluationError
from eval.progress import LineProgress, Progress

__all__ = ["GrowthPlan", "bench_growth", "fill_growth"]


def bench_growth(
    plan: GrowthPlan, folder: Path | None = None, progress: Progress | None = None
) -> GrowthBenchReport:
    """Measure all sizes, filling those corpora that are not filled yet.

    The corpora stay below `folder` for the next run; without it they are removed.
    """
    if len(set(plan.sizes)) < 2:
        raise EvaluationError("growth needs at least two sizes to compare; give --size twice")
    progress = progress or LineProgress()
    with ExitStack() as stack:
        home = stack.enter_context(_place(folder))
        runner = stack.enter_context(asyncio.Runner())
        sides = list(_sides(plan, home, stack))
        for side in sides:
            side.fill(progress)
        for number in range(plan.rounds):
            for side in sides if number % 2 == 0 else reversed(sides):
                side.measure(runner, number)
            progress("round", number + 1, plan.rounds)
        return _report(plan, sides, progress)


def fill_growth(plan: GrowthPlan, folder: Path, progress: Progress | None = None) -> None:
    """Fill the corpora of all sizes below `folder`; those that were begun are finished."""
    progress = progress or LineProgress()
    with ExitStack() as stack:
        for side in _sides(plan, folder, stack):
            side.fill(progress)
            side.close()


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="pmoves-growth-") as place:
        yield Path(place)


def _sides(plan: GrowthPlan, home: Path, stack: ExitStack) -> Iterator[Side]:
    for size in sorted(set(plan.sizes)):
        side = Side(home / f"{size}-chunks", size, plan)
        stack.callback(side.close)
        yield side


def _report(plan: GrowthPlan, sides: Sequence[Side], progress: Progress) -> GrowthBenchReport:
    sizes = []
    for number, side in enumerate(sides):
        # The searches' own index would only hold memory that the others want to show.
        side.close()
        cold, warm = start(side.uri, None), start(side.uri, side.cache)
        sizes.append(_measured(side.size, side.found, cold, warm))
        progress("start", number + 1, len(sides))
    return GrowthBenchReport(
        machine=this_machine("pylance", "faiss-cpu"),
        k=plan.k,
        rounds=plan.rounds,
        searches_per_round=plan.searches,
        clients=plan.clients,
        sizes=sizes,
        ratios=list(ratios(sides[0].found.rounds, sides[-1].found.rounds)),
    )


def _measured(size: int, found: Found, cold: Start, warm: Start) -> SizeMeasured:
    return SizeMeasured(
        chunks=size,
        p50_ms=found.median_of("p50"),
        p95_ms=found.median_of("p95"),
        searches_per_s=found.median("searches/s"),
        commit_ms_per_document=found.median("commit of a document"),
        upkeep_ms_per_document=found.median("upkeep of a document"),
        catch_up_chunks_per_s=found.median("catch-up chunks/s"),
        visible_s=found.visible_s(),
        bytes_per_vector=cold.bytes / cold.vectors,
        memory_ratio=memory_ratio(cold.bytes, cold.vectors),
        peak_ratio=memory_ratio(cold.peak_bytes, cold.vectors),
        process_ratio=memory_ratio(cold.process_bytes, cold.vectors),
        cold_ready_s=cold.ready_s,
        cold_settled_s=cold.settled_s,
        warm_start_s=warm.ready_s,
    )
