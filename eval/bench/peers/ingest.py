"""Mixed files through the mesh's ingestion, and through unstructured and Haystack, in turn.

Both are warm, with their libraries and the model in memory. With the model, and without
it, since it costs both sides the most.
"""

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from eval.bench.machine import this_machine
from eval.bench.parts import Ingested, IngestFiles
from eval.bench.peers.files import write_files
from eval.bench.peers.haystack_ingest import NAME, HaystackIngestion
from eval.bench.peers.ingest_report import IngestRatio, PeersIngestReport, SideIngested
from eval.bench.peers.memory import MemoryUsed, peak_memory
from eval.bench.peers.mesh import NAME as OURS
from eval.bench.peers.processes import tree
from eval.errors import EvaluationError
from eval.progress import LineProgress, Progress

_WARM_UP = 8
_PACKAGES = ("ray", "ctranslate2", "pypdfium2", "python-docx", "trafilatura")
Cell = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class PeersIngestPlan:
    """`files` are new ones in every round."""

    files: int = 300
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class Timed:
    """One folder through one side."""

    seconds: float
    found: Ingested
    memory: MemoryUsed

    @property
    def per_s(self) -> float:
        """Files that are ready a second."""
        return self.found.ready / self.seconds


def bench_peers_ingest(
    plan: PeersIngestPlan,
    ours: IngestFiles,
    theirs: HaystackIngestion,
    versions: dict[str, str],
    progress: Progress | None = None,
) -> PeersIngestReport:
    """Measure `ours` against `theirs`, whose packages are `versions`."""
    progress = progress or LineProgress()
    results: dict[Cell, list[Timed]] = {
        (name, embed): [] for embed in (True, False) for name in (OURS, NAME)
    }
    sides = _Sides(ours, theirs)
    with tempfile.TemporaryDirectory(prefix="pmoves-peers-") as scratch:
        place = Path(scratch)
        _warm_up(sides, write_files(place / "warm-up", _WARM_UP, seed=0))
        for number in range(plan.rounds):
            folder = write_files(place / f"round-{number}", plan.files, seed=number + 1)
            for embed in (True, False):
                for name in (OURS, NAME) if number % 2 else (NAME, OURS):
                    results[name, embed].append(sides.timed(name, folder, embed))
            progress("round", number + 1, plan.rounds)
    return PeersIngestReport(
        machine=this_machine(*_PACKAGES),
        peer_versions=versions,
        files=plan.files,
        rounds=plan.rounds,
        sides=[_side(cell, found) for cell, found in results.items()],
        ratios=[
            _ratio(embed, results[OURS, embed], results[NAME, embed]) for embed in (True, False)
        ],
    )


class _Sides:
    def __init__(self, ours: IngestFiles, theirs: HaystackIngestion) -> None:
        self._theirs = theirs
        self._ingest: dict[str, IngestFiles] = {OURS: ours, NAME: theirs.ingest}

    def timed(self, name: str, folder: Path, embed: bool) -> Timed:
        """Ingest `folder`; raises `EvaluationError` where files went astray."""
        expected = len(list(folder.iterdir()))
        with peak_memory(lambda: self._processes(name)) as peak:
            start = time.perf_counter()
            found = self._ingest[name](folder, embed)
            seconds = time.perf_counter() - start
        if found.ready + found.failed != expected:
            raise EvaluationError(
                f"{name} gave account of {found.ready + found.failed} of {expected} files"
            )
        return Timed(seconds, found, peak.most)

    def _processes(self, name: str) -> Sequence[psutil.Process]:
        """Return the peer's processes, or ours: this one with Ray, without the peer's."""
        theirs = tree(self._theirs.pid)
        if name == NAME:
            return theirs
        return [process for process in tree(os.getpid()) if process not in theirs]


def _warm_up(sides: _Sides, folder: Path) -> None:
    for name in (OURS, NAME):
        sides.timed(name, folder, embed=True)


def _side(cell: Cell, results: Sequence[Timed]) -> SideIngested:
    return SideIngested(
        name=cell[0],
        embedded=cell[1],
        files_per_s=median(result.per_s for result in results),
        passages=round(median(result.found.passages for result in results)),
        failures=sum(result.found.failed for result in results),
        memory=max((result.memory for result in results), key=lambda memory: memory.pss),
    )


def _ratio(embedded: bool, ours: Sequence[Timed], theirs: Sequence[Timed]) -> IngestRatio:
    sides = ([result.per_s for result in side] for side in (ours, theirs))
    return IngestRatio.of(*sides, embedded=embedded)
