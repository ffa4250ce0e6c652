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
    """Pages/s, medians over the rounds; `ratio` is ours to one process of pypdfium2 alone."""

    machine: Machine
    files: int
    pages_per_file: int
    rounds: int
    ingest_pages_per_s: float
    pypdfium2_pages_per_s: float
    ratio: Ratio

    def to_text(self) -> str:
        """Return the report as plain text with a Markdown table."""
        head = (
            f"{self.files} text PDFs of {self.pages_per_file} pages, median of {self.rounds} "
            f"rounds; {self.machine}"
        )
        sides = {
            "ingest without embedding, all cores": f"{self.ingest_pages_per_s:.0f}",
            "pypdfium2 alone, one process": f"{self.pypdfium2_pages_per_s:.0f}",
        }
        headers = ["reading", "pages/s"]
        return sides_text(head, headers, sides, f"Ingest / pypdfium2: {self.ratio}")


def bench_ingest(
    plan: IngestPlan, ingest: IngestFolder, progress: Progress | None = None
) -> IngestBenchReport:
    """Measure `ingest` against pypdfium2 alone; raises `EvaluationError` where pages get lost."""
    progress = progress or LineProgress()
    ours, theirs = [], []
    with tempfile.TemporaryDirectory(prefix="pmoves-bench-") as scratch:
        # Starts whatever is started once.
        _timed(ingest, _write(Path(scratch) / "warm-up", IngestPlan(files=4), seed=-1), 4 * 20)
        for number in range(plan.rounds):
            folder = _write(Path(scratch) / f"round-{number}", plan, seed=number)
            expected = plan.files * plan.pages_per_file
            theirs.append(_timed(read_with_pypdfium2, folder, expected))
            ours.append(_timed(ingest, folder, expected))
            progress("round", number + 1, plan.rounds)
    return IngestBenchReport(
        machine=this_machine("ray", "pypdfium2", "pylance"),
        files=plan.files,
        pages_per_file=plan.pages_per_file,
        rounds=plan.rounds,
        ingest_pages_per_s=median(ours),
        pypdfium2_pages_per_s=median(theirs),
        ratio=Ratio.of(ours, theirs),
    )


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
        content = list(pages(plan.pages_per_file, _LINES, seed=(seed + 1) * 100_000 + number))
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
