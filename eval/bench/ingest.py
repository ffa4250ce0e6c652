"""Pages of text PDFs per second through the whole ingestion, beside pypdfium2 alone.

Embedding is left out, since it costs what the model costs. Both read the same
files in turn; every round has files of its own, because what is stored already
would be skipped.
"""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pypdfium2
from pydantic import BaseModel

from eval.bench.machine import Machine, this_machine
from eval.bench.material import pages
from eval.bench.parts import IngestFolder
from eval.bench.pdf import write_text_pdf
from eval.bench.ratio import Ratio, sides_text
from eval.errors import EvaluationError
from eval.progress import LineProgress, Progress

_LINES = 50


@dataclass(frozen=True, slots=True)
class IngestPlan:
    """How many files of how many pages a round has."""

    files: int = 100
    pages_per_file: int = 20
    rounds: int = 3


class IngestBenchReport(BaseModel):
    """Pages/s, medians over the rounds; ratios are ours to one process of pypdfium2 alone.

    `ingest_pages_per_s` is what a job of that size comes to, which may be a small one;
    `ray_pages_per_s` the same with workers of Ray's, where that was measured.
    """

    machine: Machine
    files: int
    pages_per_file: int
    rounds: int
    ingest_pages_per_s: float
    pypdfium2_pages_per_s: float
    ratio: Ratio
    ray_pages_per_s: float | None = None
    ray_ratio: Ratio | None = None

    def to_text(self) -> str:
        """Return the report as plain text with a Markdown table."""
        head = (
            f"{self.files} text PDFs of {self.pages_per_file} pages, median of {self.rounds} "
            f"rounds; {self.machine}"
        )
        sides = {"ingest without embedding, all cores": f"{self.ingest_pages_per_s:.0f}"}
        if self.ray_pages_per_s is not None:
            sides["the same by workers of Ray's"] = f"{self.ray_pages_per_s:.0f}"
        sides["pypdfium2 alone, one process"] = f"{self.pypdfium2_pages_per_s:.0f}"
        return sides_text(head, ["reading", "pages/s"], sides, *self._ratios())

    def _ratios(self) -> list[str]:
        told = {"Ingest / pypdfium2": self.ratio, "By Ray / pypdfium2": self.ray_ratio}
        cores = self.machine.cores
        return [
            f"{name}: {ratio}; over it times {cores} cores: {ratio.median / cores:.2f}"
            for name, ratio in told.items()
            if ratio is not None
        ]


def bench_ingest(
    plan: IngestPlan,
    ingest: IngestFolder,
    progress: Progress | None = None,
    on_ray: IngestFolder | None = None,
) -> IngestBenchReport:
    """Measure `ingest` against pypdfium2 alone, then `on_ray`, which would disturb the former.

    Raises `EvaluationError` where pages get lost.
    """
    progress = progress or LineProgress()
    ours, theirs = _rounds(plan, ingest, "round", progress, seed=0)
    told = {}
    if on_ray is not None:
        by_ray, beside = _rounds(plan, on_ray, "round on Ray", progress, seed=plan.rounds + 1)
        told = {"ray_pages_per_s": median(by_ray), "ray_ratio": Ratio.of(by_ray, beside)}
    return IngestBenchReport(
        machine=this_machine("ray", "pypdfium2", "pylance"),
        files=plan.files,
        pages_per_file=plan.pages_per_file,
        rounds=plan.rounds,
        ingest_pages_per_s=median(ours),
        pypdfium2_pages_per_s=median(theirs),
        ratio=Ratio.of(ours, theirs),
        **told,
    )


def _rounds(
    plan: IngestPlan, ingest: IngestFolder, label: str, progress: Progress, seed: int
) -> tuple[list[float], list[float]]:
    """Return the pages/s of `ingest` and of pypdfium2 alone, which take turns."""
    ours, theirs = [], []
    with tempfile.TemporaryDirectory(prefix="pmoves-bench-") as scratch:
        # Starts whatever is started once.
        warm_up = IngestPlan(files=4)
        expected = warm_up.files * warm_up.pages_per_file
        _timed(ingest, _write(Path(scratch) / "warm-up", warm_up, seed=seed), expected)
        for number in range(plan.rounds):
            folder = _write(Path(scratch) / f"round-{number}", plan, seed=seed + number + 1)
            expected = plan.files * plan.pages_per_file
            theirs.append(_timed(read_with_pypdfium2, folder, expected))
            ours.append(_timed(ingest, folder, expected))
            progress(label, number + 1, plan.rounds)
    return ours, theirs


def read_with_pypdfium2(folder: Path) -> int:
    """Extract the text of every page in `folder`; return how many pages have any."""
    return sum(bool(text.strip()) for file in sorted(folder.iterdir()) for text in _texts(file))


def _texts(file: Path) -> Iterator[str]:
    with pypdfium2.PdfDocument(file) as document:
        for page in document:
            text_page = page.get_textpage()
            yield text_page.get_text_bounded()
            text_page.close()
            page.close()


def _write(folder: Path, plan: IngestPlan, seed: int) -> Path:
    folder.mkdir()
    for number in range(plan.files):
        content = list(pages(plan.pages_per_file, _LINES, seed=seed * 100_000 + number))
        write_text_pdf(folder / f"{number:05}.pdf", content)
    return folder


def _timed(read: IngestFolder, folder: Path, expected: int) -> float:
    """Return pages/s."""
    start = time.perf_counter()
    found = read(folder)
    seconds = time.perf_counter() - start
    if found != expected:
        raise EvaluationError(f"{found} of {expected} pages of {folder} were read")
    return found / seconds
